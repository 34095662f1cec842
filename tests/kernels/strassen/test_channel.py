"""Strassen's algorithm for one image: panels of two sizes, both orders of the loops, threads that share."""

import numpy as np
import pytest

from tests.kernels.checks import LANES, check_layer, feed_for, one_layer_net, sums, with_cache
from tests.kernels.strassen.lowering import pointwise
from xdn.graph import Epilogue
from xdn.kernels.core.choice import ORDERS, PANELS, STRASSEN, TILES, Choice
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.strassen import channel as strassen
from xdn.kernels.strassen import work
from xdn.kernels.strassen.kernel import Halving
from xdn.layers.relu import ReLU
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session

pytestmark = pytest.mark.usefixtures("everywhere")

IMAGE = (70, 9, 7)


def _step(net, configuration):
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    plan = make_plan(net, shapes, net.outputs, schedule=CHANNEL, configuration=configuration)
    return next(step for step in plan.steps if step.source.name.op.startswith("channel_strassen"))


def _choosing(threads, choice):
    return Configuration(threads, threads, "channel", choices={"channel": {"layer": choice}})


@pytest.mark.parametrize("filters", [32, 3 * 32 + 1, 9 * 32, 11 * 32 + 19])
def test_panels_of_two_sizes(filters):
    check_layer("Convolution", IMAGE, num_output=filters, kernel_size=1, allowed=sums, batch=3)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("batch", [1, 3])
def test_several_units_of_pairs_in_both_orders(threads, order, batch, monkeypatch):
    """Several units an image, whose last pairs fill no tile; more threads than some units have tiles."""
    epilogue = Epilogue(residual=True, activation=ReLU())
    net = one_layer_net("Convolution", IMAGE, num_output=5 * 32, kernel_size=1, epilogue=epilogue)
    feed = feed_for(net, batch)
    (whole,) = Session(net, threads=1, schedule="channel").run(None, feed)
    monkeypatch.setattr(work, "_LEAST_PAIRS", 5)
    with_cache(monkeypatch, 0)
    tile = next(c.tile for c in strassen._choices(pointwise(IMAGE, num_output=5 * 32)) if c.tile[0] == 3)
    configuration = _choosing(threads, Choice(STRASSEN, tile, order))
    words = _step(net, configuration).words
    assert words[Halving.unit.slot] == 5 < words[Halving.pair_count.slot] == 32
    session = Session(net, configuration=configuration)
    np.testing.assert_array_equal(session.run(None, feed)[0], whole)
    session.close()


@pytest.mark.parametrize(("channels", "order"), [(64, PANELS), (1024, TILES)])
def test_what_the_core_s_cache_keeps_decides_the_order(channels, order, monkeypatch):
    net = one_layer_net("Convolution", (channels, 14, 14), num_output=512, kernel_size=1)
    with_cache(monkeypatch, 1 << 20)
    assert _step(net, Configuration()).words[Halving.panels_inner.slot] == (order == PANELS)


def test_tiles_have_few_rows_lest_their_values_share_a_set_of_the_cache():
    net = one_layer_net("Convolution", (512, 14, 14), num_output=512, kernel_size=1)
    rows, _ = _step(net, Configuration()).source.name.tile
    assert rows <= 8


def test_vectors_fill_the_halves():
    """A half is whole vectors on every processor, so that no vector of one half has filters of the other."""
    net = one_layer_net("Convolution", IMAGE, num_output=3 * 32 + 7, kernel_size=1)
    step = _step(net, Configuration())
    full, small, (_, vectors) = (step.words[Halving.full.slot], step.words[Halving.small.slot], step.source.name.tile)
    assert (full * vectors + small * (vectors - 1)) * LANES == 48
