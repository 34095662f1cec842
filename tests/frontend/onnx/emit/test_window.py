"""Windows in ONNX, over parameters at which rounding, clipping and padding rules differ between formats."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_net, check_values, one_layer_net, session_of
from tests.layers.windows import (
    BEYOND_IMAGES,
    CONVOLUTIONS,
    DECONVOLUTIONS,
    OVERHANGING,
    POOLINGS_APART,
    POOLINGS_DILATED,
    POOLINGS_WITH_PLACES,
    PYRAMIDS,
)
from xdn.layers.im2col import Im2col
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.pooling import Pooling


@pytest.mark.parametrize("params", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolution(params):
    check_layer(params, (3, 4, 9, 11))


@pytest.mark.parametrize(("shape", "params"), OVERHANGING, ids=repr)
def test_a_window_that_passes_the_padded_input(shape, params):
    check_layer(params, shape)


@pytest.mark.parametrize("params", DECONVOLUTIONS, ids=repr)
def test_deconvolution(params):
    check_layer(params, (3, 4, 7, 8))


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize("size", [(5, 7), (6, 6), (8, 11), (3, 3)])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [(2, 2, 0), (3, 2, 0), (3, 2, 1), (3, 3, 2), (2, 1, 1), (3, 1, 1)]
)
@pytest.mark.parametrize("round_mode", ["CEIL", "FLOOR"])
def test_pooling(pool, size, kernel, stride, pad, round_mode):
    check_layer(
        Pooling(pool=pool, kernel_size=(kernel,), stride=(stride,), pad=(pad,), round_mode=round_mode), (2, 3, *size)
    )


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_pooling_with_unlike_sides(pool):
    check_layer(Pooling(pool=pool, kernel_h=2, kernel_w=5, stride_h=2, stride_w=3, pad_h=0, pad_w=2), (2, 3, 7, 9))


@pytest.mark.parametrize("params", POOLINGS_APART, ids=repr)
@pytest.mark.parametrize("size", [(5, 7), (6, 6), (8, 9)])
def test_pooling_with_padding_of_each_side(params, size):
    check_layer(params, (2, 3, *size))


@pytest.mark.parametrize("params", POOLINGS_WITH_PLACES, ids=repr)
@pytest.mark.parametrize("size", [(5, 7), (6, 6), (8, 9)])
def test_places_of_maxima(params, size):
    """Of several the first, row by row."""
    check_layer(params, (2, 3, *size), n_tops=2)
    values = np.random.default_rng(0).integers(-2, 2, (2, 3, *size)).astype(np.float32)
    check_values(params, values, n_tops=2)


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_global_pooling(pool):
    check_layer(Pooling(pool=pool, global_pooling=True), (2, 3, 5, 4))


def test_an_average_counts_only_the_padding_that_the_file_states():
    # 6 columns, padding 1, windows of 3 at stride 2: the last one starts at 5 and has one padded column, then ends.
    net = one_layer_net(Pooling(pool="AVE", kernel_size=(3,), stride=(2,), pad=(1,)), (1, 1, 6, 6))
    assert net.blobs["y0"].shape == (1, 1, 4, 4)
    check_net(net)


@pytest.mark.parametrize("axis", [1, 2, -1, 0])
@pytest.mark.parametrize("transpose", [False, True])
def test_inner_product(axis, transpose):
    params = InnerProduct(num_output=6, axis=axis, transpose=transpose, bias_term=not transpose)
    net = one_layer_net(params, (2, 3, 4))
    check_net(net, batches=() if axis == 0 else (1, 5))


def test_an_inner_product_over_the_batch_has_a_fixed_batch():
    assert session_of(one_layer_net(InnerProduct(num_output=6, axis=0), (2, 3, 4))).get_inputs()[0].shape == [2, 3, 4]


@pytest.mark.parametrize(("shape", "params"), BEYOND_IMAGES.values(), ids=BEYOND_IMAGES)
def test_lines_and_volumes(shape, params):
    check_layer(params, shape)


@pytest.mark.parametrize(("shape", "params"), PYRAMIDS, ids=repr)
def test_pyramid(shape, params):
    check_layer(params, shape)


@pytest.mark.parametrize(
    ("params", "shape"),
    [
        (Im2col(kernel_size=(3,), pad=(1,)), (2, 3, 5, 4)),
        (Im2col(kernel_size=(2, 3), stride=(2, 1), dilation=(1, 2)), (2, 2, 7, 8)),
        (Im2col(kernel_size=(3,)), (2, 2, 7)),
    ],
    ids=repr,
)
def test_im2col(params, shape):
    check_layer(params, shape)


@pytest.mark.parametrize(("shape", "params"), POOLINGS_DILATED, ids=repr)
def test_pooling_of_elements_that_are_apart(shape, params):
    check_layer(params, shape)
