"""Pooling against PyTorch and OpenCV, and against values by hand where Caffe has a rule of its own."""

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_carried, check_layer, check_needs_every_position, compute, normal
from tests.layers.windows import POOLINGS_APART, POOLINGS_DILATED
from tests.pytorch import torch
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob, ChannelRule, Quantized
from xdn.graph.quantized import LEAST_SCALE
from xdn.layers.pooling import LOWEST, Pooling

#: bottom (N, C, ...), parameters
CASES = [
    ((2, 3, 8, 8), {"kernel_size": (2,), "stride": (2,)}),
    ((2, 3, 7, 9), {"kernel_size": (3,), "stride": (2,)}),
    ((1, 2, 32, 32), {"kernel_size": (3,), "stride": (2,)}),
    ((1, 2, 7, 7), {"kernel_size": (3,), "stride": (2,), "pad": (1,)}),
    ((1, 2, 8, 6), {"kernel_size": (3,), "stride": (2,), "pad": (1,)}),
    ((1, 2, 5, 5), {"kernel_size": (3,), "stride": (1,), "pad": (1,)}),
    ((1, 2, 6, 11), {"kernel_h": 3, "kernel_w": 5, "stride_h": 2, "stride_w": 1, "pad_h": 2, "pad_w": 1}),
    ((1, 2, 1, 1), {"kernel_size": (3,), "stride": (2,), "pad": (1,)}),
    ((1, 1, 13, 10), {"kernel_size": (5,), "stride": (3,), "pad": (2,)}),
    ((2, 3, 7, 5), {"global_pooling": True}),
    ((2, 3, 4, 6), {"kernel_h": 4, "kernel_w": 6}),
    ((2, 3, 10), {"kernel_size": (3,), "stride": (2,), "pad": (1,)}),
    ((1, 2, 5, 7, 6), {"kernel_size": (1, 2, 3), "stride": (1, 2, 2), "pad": (0, 1, 1)}),
    ((2, 2, 6, 5, 4), {"kernel_size": (3,), "stride": (2,)}),
    ((2, 3, 3, 4, 5), {"global_pooling": True}),
]
_F = torch.nn.functional
#: PyTorch's functions by the axes of positions.
TORCH = {
    "MAX": {1: _F.max_pool1d, 2: _F.max_pool2d, 3: _F.max_pool3d},
    "AVE": {1: _F.avg_pool1d, 2: _F.avg_pool2d, 3: _F.avg_pool3d},
}


def _torch(x, params, ceil):
    window = params.window(x.shape[2:])
    pool = TORCH[params.pool][window.axes]
    if params.pool == "MAX":
        # PyTorch wants at most half a kernel of padding, so the border is laid on first.
        border = [pad for each in reversed(window.pad) for pad in (each, each)]
        y = pool(_F.pad(torch.from_numpy(x), border, value=-float("inf")), window.kernel, window.stride, ceil_mode=ceil)
        return y[:, :, *map(slice, params.output_size(x.shape[2:]))].numpy()
    return pool(torch.from_numpy(x), window.kernel, window.stride, window.pad, ceil_mode=ceil).numpy()


def _bound(x, params):
    """Return (roundings, magnitude): a maximum is exact, an average of n values errs by n roundings of their mean."""
    if params.pool == "MAX":
        return {"roundings": 0}
    return {
        "roundings": prod(params.window(x.shape[2:]).kernel) + FEW,
        "magnitude": params.reference([np.abs(x)], {}, 1)[0],
    }


def _half_padded(params, sizes):
    window = params.window(sizes)
    return all(2 * pad <= kernel for pad, kernel in zip(window.pad, window.kernel, strict=True))


@pytest.mark.parametrize("floor", [False, True])
@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize(("shape", "fields"), CASES)
def test_reference(rng, shape, fields, pool, floor):
    params = Pooling(pool=pool, ceil_mode=not floor, **fields)
    x = normal(rng, *shape)
    if pool == "MAX" or _half_padded(params, shape[2:]):
        check_layer(params, [x], _torch(x, params, not floor), **_bound(x, params))
    if len(shape) == 4 and shape[2:] != (1, 1):  # OpenCV averages a single padded pixel over the pixel alone
        check_layer(params, [x], run_opencv(params, [x]), **_bound(x, params))


def _naive(x, params, h, w):
    """Return pooling_layer.cpp's loops over one (H, W) image in Python, the size already known."""
    window, (p, q) = params.window((h, w)), params.output_size((h, w))
    top = np.empty((p, q))
    for i, j in np.ndindex(p, q):
        start = [k * s - pad for k, s, pad in zip((i, j), window.stride, window.pad, strict=True)]
        end = [min(a + k, n + pad) for a, k, n, pad in zip(start, window.kernel, (h, w), window.pad, strict=True)]
        count = (end[0] - start[0]) * (end[1] - start[1])
        part = x[max(start[0], 0) : min(end[0], h), max(start[1], 0) : min(end[1], w)]
        top[i, j] = part.max() if params.pool == "MAX" else part.astype(np.float64).sum() / count
    return top


# No deadline: the machine's speed is not under test.
@settings(deadline=None)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    pad=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    pool=st.sampled_from(["MAX", "AVE"]),
    mode=st.sampled_from(["CEIL", "FLOOR"]),
)
def test_any_window(size, kernel, stride, pad, pool, mode):
    assume(pad[0] < kernel[0] and pad[1] < kernel[1])
    spelled = zip(("kernel", "stride", "pad"), (kernel, stride, pad), strict=True)
    fields = {f"{name}_{side}": value[i] for name, value in spelled for i, side in enumerate("hw")}
    params = Pooling(pool=pool, round_mode=mode, **fields)
    x = np.random.default_rng(hash((size, kernel)) % 1000).standard_normal((1, 1, *size)).astype(np.float32)
    try:
        params.infer([Blob(x.shape)], 1)
    except (ShapeError, UnsupportedError):
        assume(False)
    check_layer(params, [x], _naive(x[0, 0], params, *size)[None, None], **_bound(x, params))


@pytest.mark.parametrize(
    ("size", "fields", "expected"),
    [
        # ceil((32 - 3) / 2) + 1, where rounding down gives 15.
        (32, {"kernel_size": (3,), "stride": (2,)}, 16),
        (32, {"kernel_size": (3,), "stride": (2,), "round_mode": "FLOOR"}, 15),
        (32, {"kernel_size": (3,), "stride": (2,), "ceil_mode": False}, 15),
        # ceil((112 - 3) / 2) + 1: ResNet-50's and GoogLeNet's first pooling.
        (112, {"kernel_size": (3,), "stride": (2,)}, 56),
        # ceil((4 + 2 - 2) / 2) + 1 = 3 windows at -1, 1, 3.
        (4, {"kernel_size": (2,), "stride": (2,), "pad": (1,)}, 3),
        # ceil((3 + 2 - 2) / 2) + 1 = 3 windows at -1, 1, 3; the third starts past the end of the image and is dropped.
        (3, {"kernel_size": (2,), "stride": (2,), "pad": (1,)}, 2),
        # ceil((6 - 7) / 2) + 1: a kernel that is slightly too large still fits once.
        (6, {"kernel_size": (7,), "stride": (2,)}, 1),
        (5, {"global_pooling": True}, 1),
    ],
)
def test_size_rule(size, fields, expected):
    assert Pooling(**fields).output_size((size, size)) == (expected, expected)


def test_the_average_counts_padding_up_to_its_end():
    """3x3 ones, kernel 3, stride 2, padding 1: corners hold 4 of 9, and no window reaches beyond the padding."""
    params = Pooling(pool="AVE", kernel_size=(3,), stride=(2,), pad=(1,))
    (top,) = compute(params, [np.ones((1, 1, 3, 3), np.float32)])
    np.testing.assert_allclose(top[0, 0], np.full((2, 2), 4 / 9), rtol=1e-7)
    assert params.counts((3, 3)).tolist() == [[9, 9], [9, 9]]


def test_the_average_is_clipped_at_the_end_of_the_padding():
    """4 ones, kernel 3, stride 2, padding 1: windows at -1, 1, 3; the last ends at 5 = H + pad, so it has 2 rows."""
    params = Pooling(pool="AVE", kernel_h=3, kernel_w=1, stride_h=2, stride_w=1, pad_h=1)
    assert params.output_size((4, 1)) == (3, 1)
    assert params.counts((4, 1)).tolist() == [[3], [3], [2]]
    (top,) = compute(params, [np.ones((1, 1, 4, 1), np.float32)])
    np.testing.assert_allclose(top[0, 0, :, 0], [2 / 3, 1, 1 / 2], rtol=1e-7)


def test_the_maximum_passes_over_not_a_number():
    """pooling_layer.cpp starts from -FLT_MAX and replaces it where `value > largest`."""
    nan, inf = np.nan, np.inf
    x = np.array([[1, nan, nan, nan, -inf, -inf, inf, nan]], np.float32).reshape(1, 1, 1, 8)
    (top,) = compute(Pooling(kernel_h=1, kernel_w=2, stride_h=1, stride_w=2), [x])
    np.testing.assert_array_equal(top.ravel(), np.array([1, LOWEST, LOWEST, inf], np.float32))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "kernel"),
        ({"kernel_size": (3,), "stride": (0,)}, "stride"),
        ({"kernel_size": (3,), "pad": (3,)}, "not smaller than the kernel"),
        ({"kernel_size": (3,), "kernel_h": 3, "kernel_w": 3}, "both"),
        ({"kernel_size": (9,), "round_mode": "FLOOR"}, "does not fit"),
        ({"kernel_size": (9,), "stride": (1,)}, "does not fit"),
        ({"global_pooling": True, "kernel_size": (3,)}, "global_pooling"),
        ({"global_pooling": True, "stride": (2,)}, "global_pooling"),
        ({"kernel_size": ((1 << 32) - 1,), "pad": (1 << 31,), "stride": (1,)}, "bounds"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(ShapeError, match=message):
        Pooling(**fields).infer([Blob((1, 2, 5, 5))], 1)


def test_what_has_no_rule_is_refused_with_the_reason():
    bottom = [Blob((1, 2, 8, 8))]
    with pytest.raises(UnsupportedError, match=r"STOCHASTIC.*random"):
        Pooling(pool="STOCHASTIC", kernel_size=(2,)).infer(bottom, 1)
    with pytest.raises(ShapeError, match="3 tops"):
        Pooling(kernel_size=(2,)).infer(bottom, 3)
    with pytest.raises(ShapeError, match="2 tops"):
        Pooling(pool="AVE", kernel_size=(2,)).infer(bottom, 2)
    with pytest.raises(UnsupportedError, match=r"starts past the end of the image.*FLOOR"):
        Pooling(kernel_size=(1,), stride=(2,)).infer(bottom, 1)
    assert Pooling(kernel_size=(1,), stride=(2,), round_mode="FLOOR").infer(bottom, 1) == (Blob((1, 2, 4, 4)),)
    with pytest.raises(ShapeError, match="takes 3 axes"):
        Pooling(kernel_size=(1,)).infer([Blob((1, 2))], 1)


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_channels_are_carried(rng, pool):
    assert Pooling.channel_rule is ChannelRule.CARRIED
    check_carried(Pooling(pool=pool, kernel_size=(2,), stride=(2,)), [normal(rng, 2, 4, 6, 6)], rng)


def test_positions():
    for fields in ({"kernel_size": (3,)}, {"kernel_size": (1,), "stride": (2,)}):
        check_needs_every_position(Pooling(**fields), [Blob((2, 3, 7, 5))])


@pytest.mark.parametrize(
    "fields",
    [
        {"kernel_size": (2,), "stride": (2,)},
        {"kernel_size": (3,), "stride": (2,), "pad": (1,)},
        {"kernel_size": (3,), "stride": (1,)},
    ],
)
def test_places_of_the_maxima_are_pytorchs(rng, fields):
    x = normal(rng, 2, 3, 7, 6)
    window = (fields["kernel_size"], fields["stride"], fields.get("pad", 0))
    expected = torch.nn.functional.max_pool2d(torch.from_numpy(x), *window, ceil_mode=True, return_indices=True)
    check_layer(Pooling(**fields), [x], [each.numpy() for each in expected], roundings=0)


def test_of_equal_maxima_the_first_and_of_nothing_no_place():
    x = np.array([[[[1, 1, np.nan, -np.inf], [1, 1, LOWEST, np.nan]]]], np.float32)
    largest, indices = compute(Pooling(kernel_size=(2,), stride=(2,)), [x], n_tops=2)
    np.testing.assert_array_equal(largest, [[[[1, LOWEST]]]])
    np.testing.assert_array_equal(indices, [[[[0, -1]]]])


@pytest.mark.parametrize("signed", [False, True])
def test_an_average_of_integers_is_their_sum_times_a_quotient(signed, rng):
    params = Pooling(pool="AVE", kernel_size=(3,), stride=(2,), pad=(1,))
    read = Quantized(0.037, signed)
    x = rng.integers(*read.range, (1, 2, 5, 5), endpoint=True).astype(read.element.numpy)
    (top,) = params.quantized_reference([x], [read], {}, 1)
    counts, expected = params.counts((5, 5)), np.zeros((1, 2, 3, 3), np.float32)
    for c, i, j in product(range(2), range(3), range(3)):
        inside = x[0, c, max(0, 2 * i - 1) : 2 * i + 2, max(0, 2 * j - 1) : 2 * j + 2]
        total = sum(int(each) for each in inside.ravel())
        expected[0, c, i, j] = np.float32(total) * (np.float32(0.037) / counts[i, j])
    assert top.dtype == np.float32
    assert np.array_equal(top, expected)


def test_integers_that_are_selected_stay_integers(rng):
    x = rng.integers(-128, 127, (2, 3, 5, 5)).astype(np.int8)
    for params in (
        Pooling(kernel_size=(3,), stride=(2,), pad=(1,)),
        Pooling(pool="AVE", kernel_size=(1,), stride=(2,), round_mode="FLOOR"),
    ):
        assert params.selects_only([Blob(x.shape)], 1)
        (top,) = params.reference([x], {}, 1)
        (values,) = params.reference([x.astype(np.float32)], {}, 1)
        assert top.dtype == np.int8
        assert np.array_equal(top, values)


def test_what_of_pooling_has_an_8_bit_form():
    image = [Blob((1, 3, 8, 8))]
    assert Pooling(pool="AVE", kernel_size=(2,)).why_real(image) is None
    assert "indices" in Pooling(kernel_size=(2,)).why_real(image)
    large = Pooling(pool="AVE", global_pooling=True).why_real([Blob((1, 1, 3000, 3000))])
    assert large == "averages 9000000 values, whose sum may not fit into 32 bits"
    assert not Pooling(kernel_size=(2,)).selects_only(image, 2)
    # Of a larger image the same layer averages more.
    assert not Pooling(pool="AVE", global_pooling=True).selects_only([Blob((1, 3, 1, 1))], 1)


def test_no_scale_makes_an_average_of_integers_a_number_that_kernels_take_for_zero():
    """The smallest scale, of the largest window that is averaged."""
    counts = np.float32(2**31 // 255)
    assert np.float32(LEAST_SCALE) / counts >= np.finfo(np.float32).tiny


@pytest.mark.parametrize("size", [(5, 7), (6, 6), (8, 9)])
@pytest.mark.parametrize("params", POOLINGS_APART, ids=repr)
def test_padding_of_each_side(rng, params, size):
    """Against windows by hand: Synopsys' loop over the places."""
    x = normal(rng, 2, 3, *size)
    (y,) = compute(params, [x])
    window, ends = params.window(size), params.ends(size)
    for p, q in np.ndindex(*y.shape[2:]):
        low = [at * stride - pad for at, stride, pad in zip((p, q), window.stride, window.pad, strict=True)]
        high = [min(a + k, n + end) for a, k, n, end in zip(low, window.kernel, size, ends, strict=True)]
        inside = [slice(max(a, 0), min(b, n)) for a, b, n in zip(low, high, size, strict=True)]
        part = x[:, :, *inside]
        count = prod(b - a for a, b in zip(low, high, strict=True)) if params.count_padding else part[0, 0].size
        expected = part.max(axis=(2, 3)) if params.pool == "MAX" else part.sum(axis=(2, 3)) / np.float32(count)
        np.testing.assert_allclose(y[:, :, p, q], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("size", "stride"), [(5, 2), (6, 2), (7, 3), (1, 4), (8, 1)])
def test_same_padding_gives_as_many_places_as_strides_fit(size, stride):
    for kernel in range(1, 6):
        params = Pooling(kernel_size=(kernel,), stride=(stride,), pad_type=1)
        if kernel <= size:
            assert params.output_size((size, size)) == (-(-size // stride),) * 2


@pytest.mark.parametrize(
    "fields",
    [
        {"pad_t": 1, "pad": (1,)},
        {"pad_t": 1, "pad_type": 2},
        {"pad_type": 2},
        {"pad_b": 3},
    ],
)
def test_padding_that_contradicts_is_refused(fields):
    with pytest.raises(ShapeError, match="padding"):
        Pooling(kernel_size=(3,), **fields).infer([Blob((1, 1, 8, 8))], 1)


@pytest.mark.parametrize(("shape", "params"), POOLINGS_DILATED, ids=repr)
def test_elements_that_are_apart(rng, shape, params):
    """By hand: every so many-th element of what a window covers, as far as it lies within."""
    x = normal(rng, *shape)
    (y,) = compute(params, [x])
    window = params.window(shape[2:])
    for place in np.ndindex(*y.shape[2:]):
        starts = [at * stride - pad for at, stride, pad in zip(place, window.stride, window.pad, strict=True)]
        axes = zip(starts, window.kernel, window.dilation, shape[2:], strict=True)
        rows = [[i for i in range(low, low + k * d, d) if 0 <= i < n] for low, k, d, n in axes]
        met = x[:, :, *np.ix_(*rows)].reshape(*shape[:2], -1)
        np.testing.assert_array_equal(y[:, :, *place], met.max(axis=-1))
    assert not params.selects_only([Blob(shape)], 1)


def test_an_average_of_elements_that_are_apart_is_refused():
    with pytest.raises(UnsupportedError, match="dilation together with an average"):
        Pooling(pool="AVE", kernel_size=(2,), dilation=(2,)).infer([Blob((1, 1, 8, 8))], 1)
    with pytest.raises(ShapeError, match="2 tops"):
        Pooling(kernel_size=(2,), dilation=(2,)).infer([Blob((1, 1, 8, 8))], 2)
