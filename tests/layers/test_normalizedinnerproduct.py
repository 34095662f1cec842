"""NormalizedInnerProduct against PyTorch's normalize and linear."""

import pytest

from tests.layers.oracles import check_layer, normal, weights_for
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.normalizedinnerproduct import NormalizedInnerProduct


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("shape", "axis"), [((4, 5), 1), ((4, 2, 3), 1), ((2, 3, 4), 2)])
def test_reference(rng, shape, axis, bias):
    params, x = NormalizedInnerProduct(num_output=3, axis=axis, bias_term=bias), normal(rng, *shape)
    weights = weights_for(params, [x], rng)
    given = {name: torch.from_numpy(array).double() for name, array in weights.items()}
    length = (given["weight"].square().sum(1, keepdim=True) + 1e-6).sqrt()
    rows = torch.from_numpy(x).double().flatten(axis)
    expected = torch.nn.functional.linear(rows, given["weight"] / length, given.get("bias"))
    check_layer(params, [x], expected.numpy(), weights=weights, roundings=64, magnitude=8)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="num_output is 0"):
        NormalizedInnerProduct().infer([Blob((2, 3))], 1)
    assert NormalizedInnerProduct(num_output=4, axis=0).joins_images([Blob((2, 3))])
