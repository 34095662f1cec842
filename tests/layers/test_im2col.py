"""Im2col against PyTorch's unfold, and against the convolution that it is a part of."""

import numpy as np
import pytest

from tests.layers.oracles import check_fixed, check_layer, check_moves, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.convolution import Convolution
from xdn.layers.im2col import Im2col

CASES = [
    ((2, 3, 7, 6), {"kernel_size": (3,), "pad": (1,)}),
    ((1, 2, 9, 8), {"kernel_size": (2, 3), "stride": (2, 1), "dilation": (1, 2)}),
    ((1, 4, 5, 5), {"kernel_h": 1, "kernel_w": 4, "pad_h": 2, "pad_w": 1}),
    ((2, 1, 3, 3), {"kernel_size": (1,)}),
]


@pytest.mark.parametrize(("shape", "fields"), CASES)
def test_reference(rng, shape, fields):
    params, x = Im2col(**fields), normal(rng, *shape)
    (top,) = params.infer([Blob(shape)], 1)
    w = params.window(2)
    expected = torch.nn.functional.unfold(torch.from_numpy(x), w.kernel, w.dilation, w.pad, w.stride)
    check_layer(params, [x], expected.numpy().reshape(top.shape), roundings=0)


@pytest.mark.parametrize(("shape", "kernel"), [((2, 3, 9), (4,)), ((1, 2, 4, 5, 6), (2, 3, 1))])
def test_lines_and_volumes_are_what_a_convolution_meets(rng, shape, kernel):
    params, x = Im2col(kernel_size=kernel, pad=(1,)), normal(rng, *shape)
    weight = normal(rng, 5, shape[1], *kernel)
    convolution = Convolution(num_output=5, kernel_size=kernel, pad=(1,), bias_term=False)
    (expected,) = convolution.reference([x], {"weight": weight}, 1)
    (columns,) = params.reference([x], {}, 1)
    found = np.einsum("kc,nc...->nk...", weight.reshape(5, -1), columns)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(("shape", "fields"), CASES)
def test_values_are_moved_only(rng, shape, fields):
    check_moves(Im2col(**fields), [normal(rng, *shape)])


@pytest.mark.parametrize(("shape", "fields"), CASES)
def test_a_depthwise_convolution_picks_the_same(rng, shape, fields):
    params, x = Im2col(**fields), normal(rng, *shape)
    picking = params.picking(shape[1], 2)
    convolution = Convolution(num_output=len(picking), group=shape[1], bias_term=False, **fields)
    check_layer(params, [x], convolution.reference([x], {"weight": picking}, 1), roundings=0)


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        ({}, (1, 2, 3, 3), "kernel"),
        ({"kernel_size": (3,), "axis": 2}, (1, 2, 3, 3), "axis 2"),
        ({"kernel_size": (3,)}, (1, 2), "axes"),
        ({"kernel_size": (9,)}, (1, 2, 3, 3), "does not fit"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shape, message):
    with pytest.raises(ShapeError, match=message):
        Im2col(**fields).infer([Blob(shape)], 1)


def test_channels_are_fixed(rng):
    check_fixed(Im2col(kernel_size=(3,)), [normal(rng, 1, 2, 4, 4)], rng)
