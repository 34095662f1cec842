"""Binary against the NumPy reference, bit for bit, of blobs that are repeated along any axes but the first."""

import numpy as np
import pytest

from tests.kernels.checks import check_layer, check_net, feed_for, one_layer_net
from xdn.graph import Layer, Net
from xdn.layers.binary import Binary
from xdn.layers.hsigmoid import HSigmoid
from xdn.layers.input import Input
from xdn.layers.unary import Unary
from xdn.runtime.parts import WholePart
from xdn.runtime.session import Session

#: One shape; a value a channel, position, image; each bottom along axes of its own; a vector; five axes.
SHAPES = [
    ((5, 3, 4), (5, 3, 4)),
    ((5, 3, 4), (5, 1, 1)),
    ((1, 3, 4), (5, 3, 4)),
    ((5, 3, 4), (1, 1, 1)),
    ((5, 3, 1), (1, 1, 4)),
    ((19,), (1,)),
    ((3, 2, 3, 2), (3, 1, 3, 1)),
]


@pytest.mark.parametrize("shapes", SHAPES)
def test_shapes(shapes):
    check_layer("Binary", *shapes, operation="DIV")


def _is_whole(net):
    return isinstance(Session(net, threads=1).parts[-1], WholePart)


#: Of the formulas one of each kind.
_FAST = ("SUB", "MIN", "NOT_EQUAL", "GREATER_OR_EQUAL", "POW", "MOD", "FMOD")
_OTHERS = [name for name in Binary.proto_fields()["operation"].values if name not in _FAST]


@pytest.mark.parametrize("operation", [*_FAST, *(pytest.param(each, marks=pytest.mark.slow) for each in _OTHERS)])
def test_operations_also_of_equal_values_and_nan(operation):
    net = one_layer_net("Binary", (16,), (16,), operation=operation)
    feed = {name: np.round(x) for name, x in feed_for(net).items()}
    feed["x0"][0, :4], feed["x1"][0, 2:6] = [np.nan, np.inf, np.nan, -np.inf], [np.nan, -np.inf, np.inf, np.nan]
    if operation in ("POW", "MOD", "FMOD"):
        assert _is_whole(net)
    else:
        check_net(net, feed=feed)


def test_batches_that_differ_have_no_kernel():
    assert _is_whole(one_layer_net("Binary", (5, 3), (3,)))


@pytest.mark.parametrize("schedule", ["batch", "channel"])
def test_a_net_of_such_layers_is_one_part(schedule):
    layers = (
        Layer("x", Input(shape=((1, 5, 3, 4),)), (), ("x",)),
        Layer("gate", Input(shape=((1, 5, 1, 1),)), (), ("gate",)),
        Layer("whole", Unary(operation="FLOOR"), ("x",), ("whole",)),
        Layer("above", Binary(operation="GREATER"), ("x", "whole"), ("above",)),
        Layer("gated", Binary(operation="MUL"), ("above", "gate"), ("gated",)),
        Layer("y", HSigmoid(), ("gated",), ("y",)),
    )
    net = Net("masks", layers, ("y",))
    session, feed = Session(net, schedule=schedule, threads=1), feed_for(net)
    (found,) = session.run(None, feed)
    assert len(session.parts) == 1
    np.testing.assert_array_equal(found, net.with_batch(len(found)).forward(feed)["y"])
