"""Contractions of bf16 by tiles, emulated: near the references, the unit's own bits, the same in both schedules."""

import numpy as np
import pytest

from tests.codegen.test_tiles import model
from tests.kernels.bf16 import STORED, halved, random_feed
from tests.kernels.checks import activated, coarse, covering, make_params, one_layer_net
from tests.kernels.contract.matrix.blobs.tiled import session_of, tiled_kernels
from tests.kernels.contract.matrix.test_batch import EPILOGUES, WINDOWS
from tests.kernels.integers import BATCH
from xdn.codegen.tile_trial import in_columns
from xdn.element import BF16
from xdn.errors import SettingError
from xdn.graph import Epilogue
from xdn.kernels.core.choice import BF16X1, FMA
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.session import Session

#: A part of a step, words that are not whole, steps that overlap, whole ones.
MATRIX = covering(
    7,
    lambda row: True,
    window=tuple(WINDOWS),
    inputs=(1, 6, 31, 64, 67),
    outputs=(1, 16, 43),
    map=((5, 4), (3, 19), (6, 7), (1, 1)),
    epilogue=tuple(EPILOGUES),
    stored=STORED,
)


def check(net, feed, stored=None):
    """Assert that tiles give what the reference does of the rounded operands, and both schedules the same bits."""
    real = {name: BF16.loaded(x) for name, x in feed.items()}
    twin = coarse(net)
    expected = twin.with_batch(BATCH).forward(real)["y0"]
    error = activated(twin, real, expected)
    rounded = (lambda x: x) if stored is None else (lambda x: stored.values(stored.stored(x)))
    least, most, first = rounded(expected - error), rounded(expected + error), None
    for schedule in SCHEDULES:
        for images, threads in ((BATCH, 1), (3, 3)):
            session = session_of(halved(net, stored), schedule, BF16X1, threads=threads)
            (found,) = session.run(None, {name: array[:images] for name, array in feed.items()})
            assert tiled_kernels(session)
            session.close()
            first = found if first is None else first
            np.testing.assert_array_equal(found, first[:images], err_msg=f"{schedule}, {images} images")
            value = found if stored is None else stored.values(found)
            assert ((least[:images] <= value) & (value <= most[:images])).all(), (schedule, images)


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: "-".join(map(str, row.values())).replace(" ", ""))
def test_convolution(emulated, row, rng):
    params, _ = WINDOWS[row["window"]]
    image = (row["inputs"], *row["map"])
    net = one_layer_net("Convolution", image, epilogue=EPILOGUES[row["epilogue"]], num_output=row["outputs"], **params)
    check(net, random_feed(net, rng), row["stored"])


@pytest.mark.parametrize("size", [(2, 2), (4, 4), (7, 7), (1, 40)])
def test_small_maps_and_lines(emulated, size, rng):
    for kernel, pad in ((1, 0), (3, 1)):
        net = one_layer_net("Convolution", (40, *size), num_output=18, kernel_size=kernel, pad=pad)
        check(net, random_feed(net, rng), STORED[1])


@pytest.mark.parametrize("name", ["pointwise", "strided"])
def test_projections(emulated, name, rng):
    """The sums of the first source go on over the second one, whose steps are as short as the first one's."""
    image, other, params, projected = {
        "pointwise": ((40, 5, 7), (70, 5, 7), {"kernel_size": 1}, {"kernel_size": 1}),
        "strided": ((64, 5, 7), (17, 10, 14), {"kernel_size": 3, "pad": 1}, {"kernel_size": 1, "stride": 2}),
    }[name]
    projection = make_params("Convolution", num_output=40, **projected)
    net = one_layer_net("Convolution", image, other, epilogue=Epilogue(projection=projection), num_output=40, **params)
    layer = net.layers[-1]
    own = {"projection.weight": BF16.rounded(layer.weights["projection.weight"])}
    net = net.replace(layers=(*net.layers[:-1], layer.replace(weights={**layer.weights, **own})))
    check(net, random_feed(net, rng), STORED[1])


@pytest.mark.parametrize("image", [(70,), (6, 3, 2)])
def test_inner_product(emulated, image, rng):
    net = one_layer_net("InnerProduct", image, num_output=40)
    check(net, random_feed(net, rng))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_order_of_sums_is_that_of_the_unit(emulated, schedule, rng):
    """Taps in their order, in each the steps of 32 channels; the last one has zeros for those that were summed."""
    net = one_layer_net("Convolution", (40, 1, 2), num_output=16, kernel_size=(1, 2))
    feed = random_feed(net, rng, 16)
    weights = net.layers[-1].weights
    x, w = BF16.loaded(feed["x0"]), BF16.rounded(weights["weight"])
    sums = np.zeros((16, 16), np.float32)
    for tap in range(2):
        for begin, first in ((0, 0), (8, 32)):
            own = np.where(np.arange(40) >= first, w[:, :, 0, tap], 0)[:, begin : begin + 32]
            images = np.ascontiguousarray(x[:, begin : begin + 32, 0, tap])
            sums = model(own, in_columns(images, 16), sums)
    expected = (sums + weights["bias"][:, None]).T
    (found,) = session_of(halved(net, None), schedule, BF16X1).run(None, feed)
    np.testing.assert_array_equal(found.reshape(16, 16), expected)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_values_that_are_not_finite_stay_so(emulated, schedule, rng):
    """What the reference makes NaN or infinite is not finite; other positions and images keep every bit."""
    net = one_layer_net("Convolution", (33, 4, 6), num_output=17, kernel_size=3, pad=1)
    feed = random_feed(net, rng, 3)
    bad = feed["x0"].copy()
    bad[1, 7, 2, 3], bad[1, 20, 0, 0] = BF16.stored(np.float32([np.inf, np.nan]))
    session = session_of(halved(net, None), schedule, BF16X1)
    (right,), (found,) = session.run(None, feed), session.run(None, {"x0": bad})
    with np.errstate(invalid="ignore"):
        reached = ~np.isfinite(coarse(net).with_batch(3).forward({"x0": BF16.loaded(bad)})["y0"])
    np.testing.assert_array_equal(~np.isfinite(found), reached)
    np.testing.assert_array_equal(found[~reached], right[~reached])


def test_rules_decide_alike_in_both_schedules(emulated):
    """By shape; and with plain arithmetic never."""
    for image, taken in (((64, 8, 8), True), ((16, 32, 32), True), ((3, 8, 8), False), ((512, 1, 1), True)):
        net = halved(one_layer_net("Convolution", image, num_output=64, kernel_size=1))
        for schedule in SCHEDULES:
            assert bool(tiled_kernels(Session(net, schedule=schedule))) == taken, (image, schedule)
            assert not tiled_kernels(Session(net, schedule=schedule, precision=FMA))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_transposed_windows_and_groups_are_refused(emulated, schedule):
    for type_name, params in (("Deconvolution", {"kernel_size": 2}), ("Convolution", {"kernel_size": 1, "group": 2})):
        net = halved(one_layer_net(type_name, (8, 5, 5), num_output=8, **params))
        with pytest.raises(SettingError, match="cannot be computed by 'bf16x1'"):
            session_of(net, schedule, BF16X1).plan()
