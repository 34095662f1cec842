"""Winograd's minimal filtering of one image: panels of two sizes, several units of positions, threads that share."""

import numpy as np
import pytest

from tests.kernels.checks import LANES, check_layer, feed_for, one_layer_net, sums, with_cache
from xdn.graph import Epilogue
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.winograd import tiles
from xdn.kernels.winograd.kernel import Filtering
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session

IMAGE = (40, 13, 14)


def _step(net):
    plan = make_plan(net, {name: blob.shape[1:] for name, blob in net.inputs.items()}, net.outputs, schedule=CHANNEL)
    (step,) = (step for step in plan.steps if step.source.name.op.startswith("channel_winograd"))
    return step


@pytest.mark.parametrize("filters", [1, LANES, 3 * LANES + 1, 9 * LANES, 11 * LANES - 5])
def test_panels_of_two_sizes(filters):
    check_layer("Convolution", IMAGE, num_output=filters, kernel_size=3, pad=1, allowed=sums, batch=3)


@pytest.mark.usefixtures("outputs")
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_several_units_of_positions(threads, monkeypatch):
    net = one_layer_net("Convolution", IMAGE, num_output=48, kernel_size=3, pad=1, epilogue=Epilogue(residual=True))
    feed = feed_for(net, 3)
    (whole,) = Session(net, threads=threads, schedule="channel").run(None, feed)
    monkeypatch.setattr(tiles, "_LEAST_POSITIONS", 5)
    with_cache(monkeypatch, 0)
    words = _step(net).words
    assert words[Filtering.unit.slot] == 5 < words[Filtering.tile_count.slot]
    (parts,) = Session(net, threads=threads, schedule="channel").run(None, feed)
    np.testing.assert_array_equal(parts, whole)
