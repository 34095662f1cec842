"""The sliding window: Caffe's spellings, the size rule, and patches against PyTorch's unfold."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.layers.windows import OVERHANGING
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.layers.window import Window, patches, patches_at

NONE = ((), 0, 0)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [(((3,), 0, 0), (3, 3)), (((3, 5), 0, 0), (3, 5)), (((), 3, 5), (3, 5))],
)
def test_spellings_of_the_kernel(kernel, expected):
    window = Window.of(kernel, NONE, NONE, axes=2)
    assert window == Window(expected, (1, 1), (0, 0), (1, 1))


def test_stride_padding_and_dilation_have_defaults():
    window = Window.of(((3,), 0, 0), ((), 2, 0), ((), 0, 1), (2,), axes=2)
    assert window == Window((3, 3), (2, 1), (0, 1), (2, 2))
    assert window.extent == (5, 5)


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "dilation", "message"),
    [
        (NONE, NONE, NONE, (), r"the kernel has no size\. Give kernel_size, or both kernel_h and kernel_w"),
        (((), 3, 0), NONE, NONE, (), "the kernel has no size"),
        (((0,), 0, 0), NONE, NONE, (), r"kernel \(0, 0\)"),
        (((3,), 3, 3), NONE, NONE, (), "kernel_size is given both as one field and as kernel_h / kernel_w"),
        (((3, 3, 3), 0, 0), NONE, NONE, (), "3 values"),
        (((3,), 0, 0), ((0,), 0, 0), NONE, (), "stride"),
        (((3,), 0, 0), NONE, ((1,), 1, 1), (), "pad is given both"),
        (((3,), 0, 0), NONE, NONE, (0,), "dilation"),
    ],
)
def test_contradictions_are_refused(kernel, stride, pad, dilation, message):
    with pytest.raises(ShapeError, match=message):
        Window.of(kernel, stride, pad, dilation, axes=2)


def test_a_kernel_that_does_not_fit_is_refused():
    assert Window((3, 3)).output_size((3, 4)) == (1, 2)
    with pytest.raises(ShapeError, match="does not fit"):
        Window((3, 3)).output_size((2, 9))
    with pytest.raises(ShapeError, match="does not fit"):
        Window((2, 2), dilation=(4, 1)).output_size((4, 4))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "places"), [(1, 2, 2, 1), (1, 3, 3, 1), (5, 7, 3, 1), (1, 3, 2, 0), (1, 9, 4, -1)]
)
def test_sizes_are_divided_as_in_cpp(size, kernel, stride, places):
    """(size - kernel) / stride + 1, the quotient rounded towards zero; nothing is left of 0 places or fewer."""
    window = Window((kernel, 1), stride=(stride, 1))
    if places < 1:
        with pytest.raises(ShapeError, match="does not fit"):
            window.output_size((size, 4))
    else:
        assert window.output_size((size, 4)) == (places, 4)
        assert window.overhang((size, 4)) == (kernel - size, 0)


@pytest.mark.parametrize(("shape", "params"), OVERHANGING, ids=repr)
def test_an_overhanging_window_meets_zeros(rng, shape, params):
    images = rng.standard_normal(shape).astype(np.float32)
    window = params.window(len(shape) - 2)
    larger = np.pad(images, ((0, 0), (0, 0), *((0, over) for over in window.overhang(shape[2:]))))
    expected = patches(larger, window)
    np.testing.assert_array_equal(patches(images, window), expected)
    rows = np.arange(shape[0] * math.prod(expected.shape[2 + window.axes :]))
    by_row = np.moveaxis(expected, range(1, 2 + window.axes), range(-1 - window.axes, 0))
    by_row = by_row.reshape(len(rows), *by_row.shape[-1 - window.axes :])
    np.testing.assert_array_equal(patches_at(images, window, rows), by_row)


@pytest.mark.parametrize(
    "window",
    [Window((1, 1), pad=(1 << 30, 1)), Window((1 << 31, 1), stride=(1 << 31, 1)), Window((1, 1), pad=(0, 1 << 31))],
)
def test_padding_beyond_all_bounds_is_refused(window):
    with pytest.raises(ShapeError, match="bounds"):
        window.check_padding((4, 4))
    Window((3, 3), pad=(1, 1)).check_padding((4, 4))


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


# No deadline: the machine's speed is not under test.
@settings(deadline=None)
@given(
    size=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    kernel=pairs,
    stride=pairs,
    dilation=pairs,
    pad=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_patches_are_unfold(size, kernel, stride, dilation, pad):
    window = Window(kernel, stride, pad, dilation)
    assume(all(n + 2 * p >= e for n, p, e in zip(size, pad, window.extent, strict=True)))
    images = np.arange(2 * 2 * size[0] * size[1], dtype=np.float32).reshape(2, 2, *size) + 1
    columns = torch.nn.functional.unfold(torch.from_numpy(images), kernel, dilation, pad, stride).numpy()
    got = patches(images, window)
    assert got.shape == (2, 2, *kernel, *window.output_size(size))
    np.testing.assert_array_equal(got.reshape(columns.shape), columns)
    everywhere = np.moveaxis(got, (4, 5), (1, 2))
    places = np.arange(everywhere[..., 0, 0, 0].size)[::-2]
    np.testing.assert_array_equal(patches_at(images, window, places), everywhere.reshape(-1, 2, *kernel)[places])
