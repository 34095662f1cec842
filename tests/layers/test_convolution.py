"""Convolution against PyTorch, ONNX Runtime and OpenCV over strides, padding, dilation and groups."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    blobs,
    changed_channels,
    check_columns,
    check_layer,
    check_positions,
    check_weight_channels,
    compute,
    contraction_bound,
    normal,
    run_onnx,
    weights_for,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.base import LAYERS
from xdn.layers.convolution import Convolution

#: bottom (N, C, ...), parameters
CASES = [
    ((1, 3, 8, 8), {"num_output": 4, "kernel_size": (3,), "pad": (1,)}),
    ((2, 5, 7, 9), {"num_output": 7, "kernel_size": (1,)}),
    ((2, 4, 9, 11), {"num_output": 6, "kernel_size": (3,), "stride": (2,), "pad": (1,), "group": 2}),
    ((1, 6, 5, 5), {"num_output": 6, "kernel_size": (3,), "pad": (1,), "group": 6, "bias_term": False}),
    ((1, 6, 6, 5), {"num_output": 12, "kernel_size": (3,), "pad": (1,), "group": 6}),
    ((2, 2, 13, 10), {"num_output": 3, "kernel_size": (3,), "dilation": (2,), "pad": (2,)}),
    ((1, 2, 17, 19), {"num_output": 3, "kernel_size": (3, 5), "dilation": (3, 2), "stride": (2, 3), "pad": (0, 4)}),
    (
        (1, 3, 12, 14),
        {"num_output": 2, "kernel_h": 4, "kernel_w": 5, "stride_h": 2, "stride_w": 3, "pad_h": 3, "pad_w": 1},
    ),
    ((3, 2, 4, 4), {"num_output": 5, "kernel_size": (4,), "bias_term": False}),
    ((1, 1, 1, 1), {"num_output": 1, "kernel_size": (7,), "pad": (3,)}),
    ((1, 2, 6, 6), {"num_output": 2, "kernel_size": (1,), "stride": (4,), "pad": (1,)}),
    ((2, 3, 9), {"num_output": 4, "kernel_size": (3,), "stride": (2,), "pad": (2,), "dilation": (2,)}),
    ((1, 3, 5, 6, 7), {"num_output": 4, "kernel_size": (3,), "pad": (1,)}),
    (
        (2, 4, 6, 7, 8),
        {
            "num_output": 6,
            "kernel_size": (2, 3, 1),
            "stride": (1, 2, 3),
            "pad": (1, 0, 2),
            "dilation": (2, 1, 1),
            "group": 2,
        },
    ),
]
#: PyTorch's function by the axes of positions.
TORCH = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}


@pytest.mark.parametrize(("shape", "fields"), CASES)
def test_reference(rng, shape, fields):
    params = Convolution(**fields)
    x = normal(rng, *shape)
    weights = weights_for(params, [x], rng)
    window = params.window(len(shape) - 2)
    terms, magnitude = contraction_bound(params, [x], weights)
    bound = {"weights": weights, "roundings": terms, "magnitude": magnitude}

    bias = torch.from_numpy(weights["bias"].copy()) if params.bias_term else None
    tensors = torch.from_numpy(x), torch.from_numpy(weights["weight"].copy()), bias
    expected = TORCH[window.axes](*tensors, window.stride, window.pad, window.dilation, params.group)
    check_layer(params, [x], expected.numpy(), **bound)

    attributes = {"strides": window.stride, "pads": window.pad * 2, "dilations": window.dilation, "group": params.group}
    check_layer(params, [x], run_onnx("Conv", [x, *weights.values()], **attributes), **bound)
    if window.axes == 2:
        check_layer(params, [x], run_opencv(params, [x], weights), **bound)


def test_macs_count_every_tap_of_every_output():
    bottoms = [Blob((2, 8, 10, 12))]
    params = Convolution(num_output=6, kernel_size=(3, 5), group=2, pad=(1, 2))
    tops = params.infer(bottoms, 1)
    assert tops == (Blob((2, 6, 10, 12)),)
    assert params.macs(bottoms, tops) == 2 * 6 * 10 * 12 * (8 // 2) * 3 * 5
    assert params.weight_shapes(bottoms) == {"weight": (6, 4, 3, 5), "bias": (6,)}


@pytest.mark.parametrize("name", ["DepthwiseConvolution", "ConvolutionDepthwise"])
def test_other_spellings_are_the_same_type(name):
    assert LAYERS[name] is Convolution


@pytest.mark.parametrize(
    ("shape", "fields", "message"),
    [
        ((1, 3, 8, 8), {"kernel_size": (3,)}, "num_output 0"),
        ((1, 3, 8, 8), {"num_output": 4}, "kernel"),
        ((1, 3, 8, 8), {"num_output": 4, "kernel_size": (9,)}, "does not fit"),
        ((1, 3, 8, 8), {"num_output": 4, "kernel_size": (3,), "group": 2}, "group 2"),
        ((1, 4, 8, 8), {"num_output": 3, "kernel_size": (3,), "group": 2}, "group 2"),
        ((1, 4, 8, 8), {"num_output": 4, "kernel_size": (3,), "group": 0}, "group 0"),
        ((1, 3), {"num_output": 4, "kernel_size": (3,)}, "takes 3 axes"),
        ((1, 3, 8, 8), {"num_output": 4, "kernel_size": (3,), "axis": 2}, "axis 2"),
        ((1, 3, 8, 8), {"num_output": 4, "kernel_size": (1 << 31,), "pad": (1 << 31,)}, "bounds|elements"),
        ((1, 1 << 16, 1, 1), {"num_output": 1 << 16, "kernel_size": (1,)}, "elements"),
    ],
)
def test_what_does_not_fit_is_refused(shape, fields, message):
    with pytest.raises(ShapeError, match=message):
        Convolution(**fields).infer([Blob(shape)], 1)


@pytest.mark.parametrize("group", [1, 2, 4])
def test_a_filter_reads_the_channels_of_its_group(rng, group):
    params = Convolution(num_output=8, kernel_size=(3,), pad=(1,), group=group)
    x = normal(rng, 2, 4, 5, 5)
    weights = weights_for(params, [x], rng)
    compute(params, [x], weights)
    assert params.channel_rule_for(blobs([x])) is ChannelRule.FILTERS
    for channel in range(4):
        changed = changed_channels(params, [x], weights, 0, channel, rng)
        own_group = channel // (4 // group)
        assert changed.tolist() == [k // (8 // group) == own_group for k in range(8)]


@pytest.mark.parametrize(
    "fields",
    [
        {"num_output": 4, "kernel_size": (1,), "stride": (2, 1), "group": 2},
        *(f for shape, f in CASES if len(shape) == 4),
    ],
    ids=str,
)
def test_positions(rng, fields):
    params = Convolution(**fields)
    # Small whole numbers: f32 holds their sums, in whatever order BLAS adds.
    x = np.rint(4 * normal(rng, 2, 30, 19, 17))
    weights = {name: np.rint(4 * array) for name, array in weights_for(params, [x], rng).items()}
    check_positions(params, [x], rng, weights)


def test_a_1x1_kernel_reads_the_positions_that_it_steps_on():
    shapes = [Blob((1, 4, 9, 9))]
    params = Convolution(num_output=2, kernel_size=(1,), stride_h=2, stride_w=3)
    assert params.positions_read((1, 2), shapes) == (2, 6)
    assert params.strided((1, 2), (2, 6), shapes) == Convolution(num_output=2, kernel_size=(1,), stride=(1,))
    assert params.strided((1, 2), (1, 1), shapes) == Convolution(num_output=2, kernel_size=(1,), stride=(2, 6))
    assert params.strided((1, 1), (1, 1), shapes) is params
    assert params.strided((1, 1), (2, 2), shapes) is None
    volume = [Blob((1, 4, 3, 9, 9))]
    assert params.positions_read((1, 1), shapes) == (2, 3)
    assert Convolution(num_output=2, kernel_size=(1,), stride=(2,)).positions_read((1, 1), volume) == (1, 1)
    assert Convolution(num_output=2, kernel_size=(1,), stride=(2,)).strided((2, 2), (1, 1), volume) is None
    for fields in ({"kernel_size": (3,)}, {"kernel_size": (1, 2)}, {"kernel_size": (1,), "pad": (1,)}):
        assert Convolution(num_output=2, stride=(2,), **fields).positions_read((2, 2), shapes) == (1, 1)


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize("bias", [True, False])
def test_weight_channels(rng, group, bias):
    params = Convolution(num_output=8, kernel_size=(3, 2), pad=(1,), group=group, bias_term=bias)
    check_weight_channels(params, [normal(rng, 2, 4, 4, 3)], rng)


@pytest.mark.parametrize(("shape", "fields"), CASES)
def test_columns(rng, shape, fields):
    check_columns(Convolution(**fields), normal(rng, *shape), rng)


def test_tied_channels():
    def tied(**fields):
        return [
            labels.tolist() for labels in Convolution(kernel_size=(1,), **fields).tied_channels([Blob((1, 4, 3, 3))])
        ]

    assert tied(num_output=3) == [[0, 1, 2], [3, 4, 5, 6]]
    # The groups stay alike: each loses the same of its own.
    assert tied(num_output=6, group=2) == [[0, 1, 2, 0, 1, 2], [3, 4, 3, 4]]
    # Depthwise filters read one channel, and go with it.
    assert tied(num_output=4, group=4) == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert tied(num_output=8, group=4) == [[0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 2, 3]]


def test_narrowed():
    shapes = [Blob((1, 4, 3, 3))]
    plain = Convolution(num_output=6, kernel_size=(3,), stride=(2,), group=2)
    assert plain.narrowed(4, 2, shapes) == Convolution(num_output=4, kernel_size=(3,), stride=(2,), group=2)
    depthwise = Convolution(num_output=8, kernel_size=(3,), group=4)
    assert depthwise.narrowed(6, 3, shapes) == Convolution(num_output=6, kernel_size=(3,), group=3)
    # One group of one channel is a convolution like any other.
    one = Convolution(num_output=4, kernel_size=(3,))
    assert one.narrowed(2, 1, [Blob((1, 1, 3, 3))]) == Convolution(num_output=2, kernel_size=(3,))
