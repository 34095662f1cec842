"""Pooling against the references: maxima exactly, averages as sums."""

import itertools
from dataclasses import fields

import numpy as np
import pytest

from tests.kernels.checks import B, check_layer, covering, exact, feed_for, make_params, one_layer_net, sums
from tests.layers.windows import POOLINGS_APART
from xdn.errors import ShapeError, UnsupportedError
from xdn.kernels.pool.pooling import ROWS
from xdn.layers.pooling import LOWEST
from xdn.runtime.session import Session


def _params(row):
    names = ("pool", "kernel_h", "kernel_w", "stride", "pad", "round_mode")
    return {name: row[name] for name in names}


def _fits(row):
    try:
        make_params("Pooling", **_params(row)).output_size(row["size"])
    except (ShapeError, UnsupportedError):
        return False
    return True


MATRIX = covering(
    5,
    _fits,
    pool=("MAX", "AVE"),
    channels=(1, 3, 10, 13, 37),
    size=((1, 1), (2, 3), (5, 4), (7, 7)),
    kernel_h=(1, 2, 3, 5),
    kernel_w=(1, 2, 3, 7),
    stride=(1, 2, 3),
    pad=(0, 1),
    round_mode=("CEIL", "FLOOR"),
    batch=(1, B // 2 + 1, B + 1),
)


@pytest.mark.parametrize("row", MATRIX, ids=lambda r: "-".join(str(v).replace(" ", "") for v in r.values()))
def test_matrix(row):
    image = (row["channels"], *row["size"])
    allowed = exact if row["pool"] == "MAX" else sums
    check_layer("Pooling", image, allowed=allowed, batch=row["batch"], **_params(row))


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize("image", [(10, 7, 5), (3, 1, 1)])
def test_global(pool, image):
    allowed = exact if pool == "MAX" else sums
    assert check_layer("Pooling", image, allowed=allowed, pool=pool, global_pooling=True)[0].shape[2:] == (1, 1)


@pytest.mark.parametrize("params", POOLINGS_APART, ids=repr)
def test_padding_of_each_side(params):
    changed = {field.name: getattr(params, field.name) for field in fields(params)}
    check_layer("Pooling", (10, 7, 6), allowed=exact if params.pool == "MAX" else sums, **changed)


def test_last_window_is_clipped():
    # 4 positions, windows of 3 at 0 and 2: the last one reads two.
    net = one_layer_net("Pooling", (1, 1, 4), kernel_h=1, kernel_w=3, stride_w=2, pool="AVE")
    (result,) = Session(net).run(None, {"x0": np.array([[[[1, 2, 3, 4]]]], np.float32)})
    np.testing.assert_array_equal(result.ravel(), np.float32([2, 3.5]))


def test_maximum_passes_over_nan_and_minus_infinity():
    net = one_layer_net("Pooling", (1, 1, 4), kernel_h=1, kernel_w=2, stride_w=2)
    x = np.array([[[[np.nan, 1, -np.inf, -np.inf]]]], np.float32)
    (result,) = Session(net).run(None, {"x0": x})
    np.testing.assert_array_equal(result, net.forward({"x0": x})["y0"])
    np.testing.assert_array_equal(result.ravel(), [1, LOWEST])


def test_average_keeps_nan():
    net = one_layer_net("Pooling", (1, 1, 4), kernel_h=1, kernel_w=2, stride_w=2, pool="AVE")
    feed = feed_for(net, 2)
    feed["x0"][0, 0, 0, 0] = np.nan
    (result,) = Session(net).run(None, feed)
    np.testing.assert_array_equal(np.isnan(result).ravel(), [True, False, False, False])


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize("channels", [*range(1, ROWS + 2), 2 * ROWS + 3])
def test_bits_are_those_of_scalars(pool, channels):
    """Taps one by one, row-major, by Caffe's comparison or a sum; channels in groups and left over."""
    net = one_layer_net("Pooling", (channels, 5, 7), pool=pool, kernel_size=3, stride=2, pad=1)
    feed = feed_for(net)
    x, params = feed["x0"], net.layers[-1].params
    x[0, 0, 1, 1], x[1, 0, 0, 0], x[2, :, :3, :3], x[3, -1, -1, -1] = np.nan, np.inf, -np.inf, np.nan
    expected = np.full((len(x), channels, 3, 4), LOWEST if pool == "MAX" else 0, np.float32)
    for (p, q), (r, s) in itertools.product(np.ndindex(3, 4), np.ndindex(3, 3)):
        h, w, y = 2 * p + r - 1, 2 * q + s - 1, expected[:, :, p, q]
        if 0 <= h < 5 and 0 <= w < 7:
            tap = x[:, :, h, w]
            y[:] = np.where(tap > y, tap, y) if pool == "MAX" else y + tap
    if pool == "AVE":
        expected /= params.counts((5, 7)).reshape(3, 4)
    np.testing.assert_array_equal(Session(net).run(None, feed)[0], expected)


def test_elements_that_are_apart_are_left_to_the_reference():
    net = one_layer_net("Pooling", (3, 9, 8), kernel_size=2, dilation=3)
    x = feed_for(net, 2)
    np.testing.assert_array_equal(Session(net).run(None, x)[0], net.with_batch(2).forward(x)["y0"])
