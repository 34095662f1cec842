"""Windows in PyTorch, over parameters at which its rounding, clipping and padding rules might differ from Caffe's."""

import numpy as np
import pytest
import torch

from tests.frontend.onnx.onnx_checks import one_layer_net
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
from tests.train.checks import check_gradients, check_layer, check_net, check_values
from xdn.errors import ShapeError, UnsupportedError
from xdn.layers.convolution import Convolution
from xdn.layers.im2col import Im2col
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.pooling import Pooling
from xdn.train.module import NetModule


@pytest.mark.parametrize("params", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolution(params):
    check_layer(params, (3, 4, 9, 11))


@pytest.mark.parametrize(("group", "dtype"), [(4, torch.float32), (2, torch.bfloat16)])
def test_in_bf16_depthwise_filters_are_applied_in_f32(group, dtype):
    module = NetModule(one_layer_net(Convolution(num_output=4, kernel_size=(3,), group=group), (2, 4, 6, 6)))
    x = torch.arange(288.0).reshape(2, 4, 6, 6) / 7
    exact = module(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = module(x)
    assert found.dtype == dtype
    assert torch.equal(found.float(), exact) is (dtype == torch.float32)


@pytest.mark.parametrize(("shape", "params"), OVERHANGING, ids=repr)
def test_a_window_that_passes_the_padded_input(shape, params):
    check_layer(params, shape)
    check_gradients(params, shape)


@pytest.mark.parametrize("params", DECONVOLUTIONS, ids=repr)
def test_deconvolution(params):
    check_layer(params, (3, 4, 7, 8))
    check_gradients(params, (3, 4, 7, 8))


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
    check_gradients(params, shape)


@pytest.mark.parametrize("axis", [1, 2, -1, 0])
@pytest.mark.parametrize("transpose", [False, True])
def test_inner_product(axis, transpose):
    params = InnerProduct(num_output=6, axis=axis, transpose=transpose, bias_term=not transpose)
    check_net(one_layer_net(params, (2, 3, 4)), batches=() if axis == 0 else (1, 5))


def test_an_inner_product_reads_an_image_in_the_files_order():
    check_layer(InnerProduct(num_output=6), (2, 3, 4, 5))


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize("round_mode", ["CEIL", "FLOOR"])
def test_pooling(pool, round_mode):
    """Every kernel, stride and padding up to 4 over small images, but for those that the layer itself refuses."""
    checked = 0
    for size in [(5, 7), (6, 6), (8, 4), (3, 3), (1, 2)]:
        for kernel in range(1, 5):
            for stride in range(1, 5):
                for pad in range(kernel):
                    params = Pooling(
                        pool=pool, kernel_size=(kernel,), stride=(stride,), pad=(pad,), round_mode=round_mode
                    )
                    try:
                        net = one_layer_net(params, (2, 3, *size))
                    except (ShapeError, UnsupportedError):
                        continue
                    check_net(net)
                    checked += 1
    assert checked > 100


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize("pads", [(0, 2), (1, 4), (0, 3)])
def test_pooling_with_unlike_sides(pool, pads):
    params = Pooling(pool=pool, kernel_h=2, kernel_w=5, stride_h=2, stride_w=3, pad_h=pads[0], pad_w=pads[1])
    check_layer(params, (2, 3, 7, 9))


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


def test_places_have_no_gradient():
    net = one_layer_net(Pooling(kernel_size=(2,), stride=(2,)), (1, 1, 4, 4), n_tops=2)
    blobs = NetModule(net).blobs(torch.arange(16.0).reshape(1, 1, 4, 4).requires_grad_(), ["y0", "y1"])
    assert blobs["y0"].requires_grad
    assert not blobs["y1"].requires_grad


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_global_pooling(pool):
    check_layer(Pooling(pool=pool, global_pooling=True), (2, 3, 5, 4))


def test_ceil_mode_false_is_floor():
    check_layer(Pooling(pool="MAX", kernel_size=(3,), stride=(2,), ceil_mode=False), (2, 3, 6, 6))


@pytest.mark.parametrize("pad", [1, 2])
def test_padding_has_no_gradient(pad):
    """Each window's maximum has one place, within the image, however far the padding reaches."""
    net = one_layer_net(Pooling(kernel_size=(3,), stride=(2,), pad=(pad,)), (1, 1, 4, 4))
    x = -torch.arange(1.0, 17).reshape(1, 1, 4, 4).requires_grad_()
    x.retain_grad()
    top = NetModule(net).blobs(x, ["y0"])["y0"]
    top.sum().backward()
    assert x.grad.sum().item() == top.numel()


def test_padding_in_bfloat16():
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)).bfloat16()
    module = NetModule(one_layer_net(Pooling(kernel_size=(3,), stride=(2,), pad=(2,)), (2, 3, 6, 6)))
    assert torch.equal(module(x).float(), module(x.float()))


@pytest.mark.parametrize(("shape", "params"), BEYOND_IMAGES.values(), ids=BEYOND_IMAGES)
def test_lines_and_volumes(shape, params):
    check_layer(params, shape)
    check_gradients(params, shape)


@pytest.mark.parametrize(("shape", "params"), PYRAMIDS, ids=repr)
def test_pyramid(shape, params):
    check_layer(params, shape)
    check_gradients(params, shape)


@pytest.mark.parametrize(("shape", "params"), POOLINGS_DILATED, ids=repr)
def test_pooling_of_elements_that_are_apart(shape, params):
    check_layer(params, shape)
