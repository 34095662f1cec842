"""Sparsify against PyTorch's hardshrink."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, compute, normal
from tests.pytorch import torch
from xdn.layers.sparsify import Sparsify


@pytest.mark.parametrize("thre", [0.0, 0.4, 2.0])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape, thre):
    x, params = normal(rng, *shape), Sparsify(thre=thre)
    check_layer(params, [x], torch.nn.functional.hardshrink(torch.from_numpy(x), thre).numpy(), roundings=0)


def test_limits(rng):
    x = np.array([-np.inf, -0.5, -0.0, 0.5, np.inf, np.nan], np.float32)
    (top,) = compute(Sparsify(thre=0.5), [x])
    np.testing.assert_array_equal(top, [-np.inf, 0, 0, 0, np.inf, np.nan])
    check_carried(Sparsify(thre=0.5), [normal(rng, 2, 4, 3, 3)], rng)
