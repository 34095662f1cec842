"""Local against a convolution of PyTorch for each place."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal, weights_for
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.local import Local


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("kernel", "stride", "pad"), [(3, 1, 0), (2, 2, 1), (3, 2, 2)])
def test_reference(rng, kernel, stride, pad, bias):
    params = Local(num_output=4, kernel_size=kernel, stride=stride, pad=pad, bias_term=bias)
    x = normal(rng, 2, 3, 6, 5)
    weights = weights_for(params, [x], rng)
    (top,) = params.infer([Blob(x.shape)], 1)
    p, q = top.shape[2:]
    expected = np.zeros(top.shape)
    for place, (i, j) in enumerate(np.ndindex(p, q)):
        filters = torch.from_numpy(weights["weight"][:, 0, :, place].reshape(4, 3, kernel, kernel)).double()
        whole = torch.nn.functional.conv2d(torch.from_numpy(x).double(), filters, stride=stride, padding=pad)
        expected[:, :, i, j] = whole[:, :, i, j]
        if bias:
            expected[:, :, i, j] += weights["bias"][0, 0, :, place]
    check_layer(params, [x], expected, weights=weights, roundings=64, magnitude=8)
    assert params.macs([Blob(x.shape)], (top,)) == top.size * 3 * kernel**2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kernel_size": 2}, "num_output 0"),
        ({"num_output": 2}, "kernel_size 0"),
        ({"num_output": 2, "kernel_size": 2, "stride": 0}, "stride 0"),
        ({"num_output": 2, "kernel_size": 2, "pad": 2}, "pad 2"),
        ({"num_output": 2, "kernel_size": 5}, "a kernel of 5 does not fit"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(ShapeError, match=message):
        Local(**fields).infer([Blob((1, 3, 4, 6))], 1)
