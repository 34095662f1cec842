"""Which blobs the channel schedule reads as they lie, and that nothing outside of any blob is touched."""

import os

import numpy as np
import pytest

from tests.kernels.bf16 import halved
from tests.kernels.bf16 import random_feed as half_feed
from tests.kernels.checks import make_params, one_layer_net, random_weights
from tests.kernels.contract.matrix.blobs.tiled import session_of, tiled_kernels
from tests.kernels.contract.words.nets import KINDS, Case
from tests.kernels.integers import BATCH, random_feed
from xdn.kernels.core.choice import BF16X1, F32, INT8, Choice
from xdn.kernels.core.layout import SCHEDULES
from xdn.kernels.core.parts import parts_name
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session


@pytest.mark.parametrize(
    ("size", "params", "copied", "registers"),
    [
        ((7, 7), {"kernel_size": 1}, False, 2),
        ((4, 4), {"kernel_size": 1}, False, 1),
        # Fewer positions than a register has rows.
        ((2, 2), {"kernel_size": 1}, True, 1),
        ((1, 1), {"kernel_size": 1}, False, 1),
        ((9, 9), {"kernel_size": 3}, False, 2),
        ((9, 9), {"kernel_size": 3, "pad": 1}, True, 2),
        ((14, 14), {"kernel_size": 1, "stride": 2}, False, 2),
        ((7, 7), {"kernel_size": 3, "stride": 2}, False, 1),
    ],
)
def test_a_blob_is_copied_where_windows_or_tiles_reach_beyond_the_map(emulated, size, params, copied, registers):
    net = Case(((64, *size),)).net(num_output=64, **params)
    plan = session_of(net, "channel").plan()
    assert (parts_name("x0") in plan.layouts) == copied
    assert any("border" in step.source.name.op for step in plan.steps) == copied
    ((rows, _),) = {name.tile for name in tiled_kernels(session_of(net, "channel"))}
    assert rows == registers


def test_a_copy_serves_all_its_readers(emulated, rng):
    """One with a border of 1 and another one with a border of 2, which both take tiles; made once."""
    net = Case(((64, 9, 9),), stored=KINDS["u8"]).net(num_output=64, kernel_size=3, pad=1)
    layer = net.layers[-1]
    wide = layer.replace(
        name="wide", tops=("wide",), params=make_params("Convolution", num_output=64, kernel_size=5, pad=2), weights={}
    )
    net = net.replace(layers=(*net.layers, wide), outputs=("y", "wide"))
    net = random_weights(net, rng)
    feed = random_feed(net, rng, 2)
    expected = net.with_batch(2).forward(feed)
    choices = {"channel": {name: Choice(INT8) for name in ("layer", "wide")}}
    session = Session(net, configuration=Configuration(schedule="channel", choices=choices))
    for name, found in zip(net.outputs, session.run(None, feed), strict=True):
        np.testing.assert_array_equal(found, expected[name])
    assert sum("border" in step.source.name.op for step in session.plan().steps) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize(
    ("type_name", "image", "params"),
    [
        ("Convolution", (67, 5, 4), {"kernel_size": 5, "pad": 2}),
        ("Convolution", (17, 5, 9), {"kernel_size": 3, "pad": 1, "stride": 2}),
        ("Convolution", (130, 7, 7), {"kernel_size": 1}),
        ("Convolution", (64, 9, 1), {"kernel_h": 3, "kernel_w": 1, "stride": (2, 5)}),
        ("InnerProduct", (150, 2, 3), {}),
    ],
)
@pytest.mark.parametrize("residual", [None, "f32", "s8"])
def test_nothing_outside_is_touched(emulated, type_name, image, params, residual, rng):
    from tests.runtime import guarded

    if type_name == "InnerProduct" and residual:
        pytest.skip("nothing is added to an InnerProduct")
    stored = None if residual == "s8" else KINDS["u8"]
    net = Case((image,), residual=residual, stored=stored).net(type_name, num_output=61, **params)
    for schedule in SCHEDULES:
        case = guarded.Guarded(net, random_feed(net, rng, BATCH), schedule=schedule, choices={"layer": Choice(INT8)})
        assert guarded.outcome([guarded.Run(case, net.outputs, 1)], guarded.SIDES) == "right"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("channels", [6, 33, 67])
@pytest.mark.parametrize("params", [{"kernel_size": 1}, {"kernel_size": 3, "pad": 1}])
def test_no_padding_of_bf16_is_summed(emulated, channels, params, rng):
    """What nobody has written is NaN there, which a weight of zero would not take out of a sum."""
    from tests.runtime import guarded

    net = halved(one_layer_net("Convolution", (channels, 5, 7), num_output=19, **params))
    choices = {net.layers[-1].name: Choice(BF16X1)}
    for schedule in SCHEDULES:
        case = guarded.Guarded(net, half_feed(net, rng), schedule=schedule, choices=choices, precision=F32)
        assert guarded.outcome([guarded.Run(case, net.outputs, 1)], guarded.SIDES) == "right"
