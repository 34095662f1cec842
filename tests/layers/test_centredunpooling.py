"""CentredUnpooling by loops over windows, as extended-caffe computes it."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.centredunpooling import CentredUnpooling


def _windows(size, wanted, kernel, stride, pad):
    """Return begin and end of each window along an axis, the padding at the end included."""
    return [(at * stride - pad, min(at * stride - pad + kernel, wanted + pad)) for at in range(size)]


def _naive(image, size, how, method):
    """Return the top of an image (H, W); `how` is kernel, stride and padding of rows, and of columns."""
    windows = [_windows(old, new, *each) for old, new, each in zip(image.shape, size, how, strict=True)]
    places = [[range(max(a, 0), min(b, new)) for a, b in each] for each, new in zip(windows, size, strict=True)]
    top, count = np.zeros(size), np.zeros(size)
    for p, q in np.ndindex(*image.shape):
        rows, columns = places[0][p], places[1][q]
        count[rows.start : rows.stop, columns.start : columns.stop] += 1
    for p, q in np.ndindex(*image.shape):
        if method == "FIXED":
            begins = windows[0][p][0], windows[1][q][0]
            middles = [int((2 * a + kernel - 1) / 2) for a, (kernel, _, _) in zip(begins, how, strict=True)]
            row, column = (min(max(at, 0), new - 1) for at, new in zip(middles, size, strict=True))
            top[row, column] = image[p, q]
            continue
        elements = np.prod([b - a for a, b in (windows[0][p], windows[1][q])]) if method == "DIV" else 1
        for row in places[0][p]:
            for column in places[1][q]:
                top[row, column] += image[p, q] / elements / count[row, column]
    return top


@pytest.mark.parametrize("method", ["FIXED", "DIV", "REP"])
@pytest.mark.parametrize(
    ("fields", "how", "size"),
    [
        ({"out_kernel_size": 2, "out_stride": 2}, [(2, 2, 0)] * 2, (6, 8)),
        ({"out_kernel_size": 3, "out_stride": 2, "out_pad": 1}, [(3, 2, 1)] * 2, (5, 7)),
        ({"out_kernel_size": 3}, [(3, 1, 0)] * 2, (5, 6)),
        (
            {"out_kernel_h": 4, "out_kernel_w": 2, "out_stride_h": 3, "out_stride_w": 2, "out_pad_h": 2},
            [(4, 3, 2), (2, 2, 0)],
            (6, 8),
        ),
    ],
)
def test_windows(rng, method, fields, how, size):
    x = normal(rng, 2, 2, 3, 4)
    expected = np.array([[_naive(image, size, how, method) for image in images] for images in x])
    check_layer(CentredUnpooling(unpool=method, **fields), [x], expected, roundings=16, magnitude=4)


def test_the_size_of_a_second_bottom(rng):
    x = normal(rng, 2, 2, 3, 4)
    how = [(3, 3, 1), (2, 2, 0)]  # Three windows of three are nine, two more than seven: one on each side.
    expected = np.array([[_naive(image, (7, 8), how, "REP") for image in images] for images in x])
    check_layer(CentredUnpooling(unpool="REP"), [x, normal(rng, 1, 1, 7, 8)], expected, roundings=16, magnitude=4)
    odd = CentredUnpooling(out_kernel_size=2).infer([Blob(x.shape), Blob((1, 1, 8, 7))], 1)
    assert odd[0].shape == (2, 2, 9, 8)
    check_carried(CentredUnpooling(out_kernel_size=3, out_stride=2), [normal(rng, 2, 4, 3, 3)], rng)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "the kernel has no size"),
        ({"out_kernel_size": 2, "out_pad": 2}, "it is smaller"),
        ({"out_kernel_size": 2, "unpool": "MAX"}, "known: FIXED"),
        ({"out_kernel_size": 3, "out_pad": 2}, "leaves nothing"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(ShapeError, match=message):
        CentredUnpooling(**fields).infer([Blob((1, 2, 1, 1))], 1)
