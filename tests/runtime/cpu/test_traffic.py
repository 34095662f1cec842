"""What the batch schedule moves through memory, and which nets therefore run image by image."""

import numpy as np
import pytest

from tests.kernels.checks import B, feed_for, input_layer, make_params, random_weights
from xdn.codegen.target import core_cache_bytes
from xdn.graph import Layer, Net
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.runtime.cpu import traffic
from xdn.runtime.session import Session


def _convolution(side, **params):
    params = make_params("Convolution", kernel_size=3, pad=1, **params)
    net = Net("one", (input_layer("x", 32, side, side), Layer("c", params, ("x",), ("c",))), ("c",))
    return random_weights(net, np.random.default_rng(0))


def _shapes(net):
    return {name: blob.shape[1:] for name, blob in net.inputs.items()}


@pytest.fixture
def small_cache(monkeypatch):
    """Let a core's cache be so small that each blob passes the memory."""
    monkeypatch.setattr(traffic, "core_cache_bytes", lambda: 1000)


def test_bottom_and_top_count_for_each_product(small_cache):
    net = _convolution(8, num_output=32)
    assert traffic.bytes_per_mac(net, _shapes(net)) == pytest.approx(2 * 4 * 32 * 64 / (64 * 9 * 32 * 32))


def test_what_stays_in_cache_is_not_moved():
    net = _convolution(8, num_output=32)
    assert 8 * core_cache_bytes() > 2 * B * 4 * 32 * 64
    assert traffic.bytes_per_mac(net, _shapes(net)) == 0


def test_nets_with_little_arithmetic_go_image_by_image(small_cache):
    depthwise, dense = _convolution(8, num_output=32, group=32), _convolution(8, num_output=32)
    for net, many in ((depthwise, CHANNEL), (dense, BATCH)):
        session = Session(net, threads=1)
        session.run(None, feed_for(net, 4 * B))
        assert session.plan().schedule is many
        session.run(None, feed_for(net, 1))
        assert session.plan().schedule is CHANNEL
        # Who asks for a schedule gets it.
        assert Session(net, threads=1, schedule="batch").plan(images=4 * B).schedule is BATCH


def test_a_net_without_products(small_cache):
    net = Net("relu", (input_layer("x", 4, 3, 3), Layer("r", make_params("ReLU"), ("x",), ("r",))), ("r",))
    assert traffic.bytes_per_mac(net, _shapes(net)) > 0
