"""The caller's images into positions of channels: with padding and without, three channels by a loop of their own."""

import numpy as np
import pytest

from tests.kernels.checks import LANES, feed_for, one_layer_net
from xdn.kernels.core.layout import CHANNEL
from xdn.runtime.plan import make_plan
from xdn.runtime.session import Session


def _identity(channels, positions):
    """Return a net whose 1x1 convolution gives its input, of which it reads single values: it lies without padding."""
    net = one_layer_net("Convolution", (channels, *positions), num_output=channels, kernel_size=1, bias_term=False)
    weight = np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1)
    return net.replace(layers=(*net.layers[:-1], net.layers[-1].replace(weights={"weight": weight})))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("positions", [(1, 1), (5, 7), (16, 33)])
@pytest.mark.parametrize("channels", [2, 3, 4, LANES, LANES + 1])
def test_planes_lie_as_positions(channels, positions, threads):
    net = _identity(channels, positions)
    plan = make_plan(net, {"x0": (channels, *positions)}, net.outputs, schedule=CHANNEL)
    assert plan.layouts["x0"].position_elements == channels
    assert plan.layouts["y0"].position_elements % LANES == 0
    feed = feed_for(net, 5)
    session = Session(net, threads=threads, schedule="channel")
    for batch in (1, 5):
        np.testing.assert_array_equal(session.run(None, {"x0": feed["x0"][:batch]})[0], feed["x0"][:batch])
    session.close()


def test_who_reads_vectors_finds_padding():
    net = one_layer_net("ReLU", (3, 4, 5))
    plan = make_plan(net, {"x0": (3, 4, 5)}, net.outputs, schedule=CHANNEL)
    assert plan.layouts["x0"].position_elements == LANES
    feed = feed_for(net, 3)
    (result,) = Session(net, schedule="channel").run(None, feed)
    np.testing.assert_array_equal(result, np.maximum(feed["x0"], 0))
