"""Deconvolution against PyTorch, ONNX Runtime and OpenCV over strides, padding, dilation and groups."""

import itertools
from math import prod

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    EPS,
    blobs,
    changed_channels,
    check_columns,
    check_layer,
    check_needs_every_position,
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
from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution

#: bottom (N, C, ...), parameters
CASES = [
    ((1, 3, 4, 5), {"num_output": 4, "kernel_size": (3,)}),
    ((2, 5, 7, 9), {"num_output": 7, "kernel_size": (1,)}),
    # The usual doubling: kernel 2 * factor - factor % 2, padding ceil((factor - 1) / 2).
    ((2, 4, 5, 6), {"num_output": 3, "kernel_size": (4,), "stride": (2,), "pad": (1,)}),
    ((1, 6, 5, 5), {"num_output": 6, "kernel_size": (4,), "stride": (2,), "pad": (1,), "group": 6, "bias_term": False}),
    ((2, 4, 3, 4), {"num_output": 6, "kernel_size": (3,), "stride": (2,), "pad": (1,), "group": 2}),
    ((1, 6, 3, 2), {"num_output": 12, "kernel_size": (3,), "pad": (1,), "group": 6}),
    # A stride beyond the kernel leaves gaps, where the bias alone stands.
    ((1, 2, 3, 4), {"num_output": 2, "kernel_size": (2,), "stride": (5,)}),
    ((2, 2, 6, 5), {"num_output": 3, "kernel_size": (3,), "dilation": (2,), "pad": (2,)}),
    ((1, 2, 4, 5), {"num_output": 3, "kernel_size": (3, 5), "dilation": (3, 2), "stride": (2, 3), "pad": (0, 4)}),
    (
        (1, 3, 4, 3),
        {"num_output": 2, "kernel_h": 4, "kernel_w": 5, "stride_h": 2, "stride_w": 3, "pad_h": 3, "pad_w": 1},
    ),
    ((3, 2, 1, 1), {"num_output": 5, "kernel_size": (4,), "bias_term": False}),
    ((1, 1, 1, 1), {"num_output": 1, "kernel_size": (7,), "pad": (3,)}),
    ((2, 3, 5), {"num_output": 2, "kernel_size": (4,), "stride": (3,), "pad": (1,)}),
    ((2, 4, 3, 4, 2), {"num_output": 6, "kernel_size": (3, 2, 4), "stride": (1, 2, 3), "pad": (1, 0, 2), "group": 2}),
    ((1, 2, 3, 2, 4), {"num_output": 3, "kernel_size": (3,), "dilation": (1, 2, 3), "bias_term": False}),
]
#: PyTorch's function by the axes of positions.
TORCH = {
    1: torch.nn.functional.conv_transpose1d,
    2: torch.nn.functional.conv_transpose2d,
    3: torch.nn.functional.conv_transpose3d,
}


@pytest.mark.parametrize(("shape", "fields"), CASES)
def test_reference(rng, shape, fields):
    params = Deconvolution(**fields)
    x = normal(rng, *shape)
    weights = weights_for(params, [x], rng)
    window = params.window(len(shape) - 2)
    terms, magnitude = contraction_bound(params, [x], weights)
    bound = {"weights": weights, "roundings": terms, "magnitude": magnitude}

    bias = torch.from_numpy(weights["bias"].copy()) if params.bias_term else None
    tensors = torch.from_numpy(x), torch.from_numpy(weights["weight"].copy()), bias
    places = {"stride": window.stride, "padding": window.pad, "dilation": window.dilation, "groups": params.group}
    expected = TORCH[window.axes](*tensors, **places)
    check_layer(params, [x], expected.numpy(), **bound)

    attributes = {"strides": window.stride, "pads": window.pad * 2, "dilations": window.dilation, "group": params.group}
    check_layer(params, [x], run_onnx("ConvTranspose", [x, *weights.values()], **attributes), **bound)
    if window.dilation == (1, 1):  # OpenCV knows no other here
        check_layer(params, [x], run_opencv(params, [x], weights), **bound)


@pytest.mark.parametrize(("shape", "fields"), [case for case in CASES if not case[1].get("group")], ids=str)
def test_it_is_the_transpose_of_the_convolution(rng, shape, fields):
    """<deconvolution(x), y> = <x, convolution(y)> for one weight and no bias.

    Both scalar products are sums of the same products: each is known to as many roundings as it has terms.
    """
    params = Deconvolution(**{**fields, "bias_term": False})
    x = normal(rng, *shape)
    weights = weights_for(params, [x], rng)
    (spread,) = compute(params, [x], weights)
    y = normal(rng, *spread.shape)
    (gathered,) = Convolution(**{**fields, "bias_term": False, "num_output": shape[1]}).reference([y], weights, 1)
    terms, magnitude = contraction_bound(params, [x], weights)
    bound = (terms + y.size) * EPS * (magnitude * np.abs(y)).sum(dtype=np.float64)
    assert abs((spread * y).sum(dtype=np.float64) - (x * gathered).sum(dtype=np.float64)) <= bound


def test_macs_count_every_tap_of_every_input():
    bottoms = [Blob((2, 8, 10, 12))]
    params = Deconvolution(num_output=6, kernel_size=(3, 5), group=2, pad=(1, 2))
    tops = params.infer(bottoms, 1)
    assert tops == (Blob((2, 6, 10, 12)),)
    assert params.macs(bottoms, tops) == 2 * 8 * 10 * 12 * (6 // 2) * 3 * 5
    assert params.weight_shapes(bottoms) == {"weight": (8, 3, 3, 5), "bias": (6,)}


@pytest.mark.parametrize(
    ("size", "fields", "expected"),
    [
        (16, {"kernel_size": (4,), "stride": (2,)}, 34),  # FCN-32s' first doubling
        (16, {"kernel_size": (4,), "stride": (2,), "pad": (1,)}, 32),
        (10, {"kernel_size": (64,), "stride": (32,)}, 352),
        (5, {"kernel_size": (3,), "dilation": (2,)}, 9),
        (1, {"kernel_size": (1,)}, 1),
    ],
)
def test_size_rule(size, fields, expected):
    assert Deconvolution(num_output=1, **fields).window(2).output_size((size, size)) == (expected, expected)


@pytest.mark.parametrize(
    ("shape", "fields", "message"),
    [
        ((1, 3, 8, 8), {"num_output": 4}, "kernel"),
        ((1, 3, 8, 8), {"num_output": 4, "kernel_size": (3,), "stride": (0,)}, "stride"),
        ((1, 3, 2, 2), {"num_output": 4, "kernel_size": (3,), "pad": (2,)}, "takes all"),
        ((1, 3), {"num_output": 4, "kernel_size": (3,)}, "takes 3 axes"),
        ((1, 1 << 16, 1, 1), {"num_output": 1 << 16, "kernel_size": (1,)}, "elements"),
        ((1, 1, 1, 1), {"num_output": 1, "kernel_size": (1 << 31,)}, "elements"),
        ((1, 1, 2, 2), {"num_output": 1, "kernel_size": (1,), "stride": (1 << 31,)}, "elements"),
        # The top itself is small, but what is cut off is not.
        ((1, 1, 1, 1), {"num_output": 1, "kernel_size": (3,), "dilation": (1 << 30,), "pad": (1 << 30,)}, "elements"),
    ],
)
def test_what_does_not_fit_is_refused(shape, fields, message):
    with pytest.raises(ShapeError, match=message):
        Deconvolution(**fields).infer([Blob(shape)], 1)


def test_it_takes_one_bottom():
    params = Deconvolution(num_output=1, kernel_size=(1,))
    for count in (0, 2):
        with pytest.raises(ShapeError, match=f"{count} bottoms"):
            params.infer([Blob((1, 1, 2, 2))] * count, 1)


@pytest.mark.parametrize("group", [1, 2, 4])
def test_a_filter_reads_the_channels_of_its_group(rng, group):
    params = Deconvolution(num_output=8, kernel_size=(3,), pad=(1,), group=group)
    x = normal(rng, 2, 4, 5, 5)
    weights = weights_for(params, [x], rng)
    compute(params, [x], weights)
    assert params.channel_rule_for(blobs([x])) is ChannelRule.FILTERS
    for channel in range(4):
        changed = changed_channels(params, [x], weights, 0, channel, rng)
        assert changed.tolist() == [k // (8 // group) == channel // (4 // group) for k in range(8)]


@pytest.mark.parametrize(("outputs", "group"), [(8, 1), (8, 2), (8, 4), (4, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_weight_channels(rng, outputs, group, bias):
    params = Deconvolution(num_output=outputs, kernel_size=(3, 2), pad=(1,), group=group, bias_term=bias)
    check_weight_channels(params, [normal(rng, 2, 4, 4, 3)], rng)


@pytest.mark.parametrize(("shape", "fields"), CASES)
def test_columns(rng, shape, fields):
    check_columns(Deconvolution(**fields), normal(rng, *shape), rng)


def meeting(window, axis, out, size):
    """Return the kernel's elements along an axis that meet data, of an input of `size`, in the output `out`."""
    found = window.meetings(axis, out + 1, size)
    if out >= found.begin + len(found.first):
        return range(0)
    first, count = int(found.first[out - found.begin]), int(found.count[out - found.begin])
    return range(first, first + count * found.step, found.step)


@pytest.mark.parametrize(("shape", "fields"), CASES)
def test_the_window_says_which_inputs_an_output_meets(rng, shape, fields):
    """Along each axis: those that `columns` finds there, and zeros at all other elements of the kernel."""
    params, extents = Deconvolution(**fields), shape[2:]
    window = params.window(len(extents))
    sizes = window.output_size(extents)
    image = 1 + np.arange(prod(extents), dtype=np.float32).reshape(1, 1, *extents)
    single = Deconvolution(**{**fields, "num_output": 1, "group": 1})
    columns = single.columns(image, np.arange(prod(sizes))).reshape(*sizes, *window.kernel)
    for out in np.ndindex(sizes):
        expected = np.zeros(window.kernel, np.float32)
        met = [meeting(window, axis, place, size) for axis, (place, size) in enumerate(zip(out, extents, strict=True))]
        for element in itertools.product(*met):
            at = (window.source(axis, place, k) for axis, (place, k) in enumerate(zip(out, element, strict=True)))
            expected[element] = image[0, 0, *at]
        np.testing.assert_array_equal(columns[out], expected)


def test_narrowed():
    shapes = [Blob((1, 4, 3, 3))]
    plain = Deconvolution(num_output=6, kernel_size=(3,), stride=(2,))
    assert plain.narrowed(4, 2, shapes) == Deconvolution(num_output=4, kernel_size=(3,), stride=(2,))
    assert plain.narrowed(4, 2, shapes).weight_shapes([Blob((1, 2, 3, 3))])["weight"] == (2, 4, 3, 3)
    grouped = Deconvolution(num_output=6, kernel_size=(3,), group=2)
    assert grouped.narrowed(4, 2, shapes) == Deconvolution(num_output=4, kernel_size=(3,), group=2)
    depthwise = Deconvolution(num_output=4, kernel_size=(3,), group=4)
    assert depthwise.narrowed(3, 3, shapes) == Deconvolution(num_output=3, kernel_size=(3,), group=3)


def test_tied_channels():
    """Depthwise, a channel stands and falls with its filter; else all groups lose the same of their own."""
    for fields, expected in (
        ({"num_output": 3}, ([0, 1, 2], [3, 4, 5, 6])),
        ({"num_output": 6, "group": 2}, ([0, 1, 2, 0, 1, 2], [3, 4, 3, 4])),
        ({"num_output": 4, "group": 4}, ([0, 1, 2, 3], [0, 1, 2, 3])),
        ({"num_output": 8, "group": 4}, ([0, 1] * 4, [2] * 4)),
    ):
        tied = Deconvolution(kernel_size=(1,), **fields).tied_channels([Blob((1, 4, 3, 3))])
        assert tuple(labels.tolist() for labels in tied) == expected


def test_positions():
    for fields in ({"kernel_size": (3,)}, {"kernel_size": (1,), "stride": (2,)}):
        check_needs_every_position(Deconvolution(num_output=2, **fields), [Blob((2, 3, 7, 5))])
