"""Which layers of integers take tiles: by predicted time, each schedule by itself, and by what is asked for."""

from dataclasses import replace

import pytest

from tests.kernels.contract.matrix.blobs.tiled import tiled_kernels
from tests.kernels.contract.words.nets import Case
from xdn.codegen.target import TARGETS, target_named
from xdn.graph import Quantized
from xdn.kernels.contract.matrix.blobs.rule import can_be_tiled, tiled_footprint
from xdn.kernels.core.choice import DIRECT, FMA, INT8, RULE, Choice
from xdn.kernels.core.family import FAMILIES, legal_choices, select
from xdn.kernels.core.layout import BATCH, CHANNEL, SCHEDULES
from xdn.runtime.configuration import DEFAULT
from xdn.runtime.cpu.plan import PROBE_BATCH, lowerings
from xdn.runtime.session import Session

EMULATED = replace(target_named("amx-emulated"), dots="vnni")


def _lowering(image=(64, 8, 8), schedule=BATCH, target=EMULATED, type_name="Convolution", **params):
    if type_name != "InnerProduct":
        params = {"kernel_size": 1} | params
    net = Case((image,), Quantized(0.02)).net(type_name, **{"num_output": 64} | params)
    (lowering,) = lowerings(net.with_batch(PROBE_BATCH), ("y",), target, schedule, DEFAULT)
    return lowering


@pytest.mark.parametrize(
    ("type_name", "image", "params", "batch", "channel"),
    [
        ("Convolution", (64, 8, 8), {}, True, True),
        ("Convolution", (64, 7, 7), {"kernel_size": 3, "pad": 1}, True, True),
        ("Convolution", (16, 32, 32), {"num_output": 16, "kernel_size": 3, "pad": 1}, True, True),
        ("Convolution", (512, 1, 1), {"num_output": 2048}, True, False),
        ("InnerProduct", (512,), {}, True, False),
        # Three channels of 64; one filter of 16, as dot products of one image have it, too.
        ("Convolution", (3, 32, 32), {"kernel_size": 3}, False, False),
        ("Convolution", (64, 8, 8), {"num_output": 1}, False, True),
        ("Deconvolution", (64, 8, 8), {"kernel_size": 2}, True, False),
        ("Convolution", (64, 8, 8), {"group": 2}, False, False),
    ],
)
def test_what_is_taken(type_name, image, params, batch, channel):
    for schedule, taken, family in (
        (BATCH, batch, "integer_tiles"),
        (CHANNEL, channel, "channel_integer_tiles"),
    ):
        found = select(_lowering(image, schedule, type_name=type_name, **params))
        assert (found is FAMILIES[family]) == taken, schedule.name


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_where_tiles_of_integers_are_multiplied(target):
    lowering = _lowering(target=target)
    assert can_be_tiled(lowering) == (target.tiles is not None)
    without = replace(lowering, target=replace(target, tiles_integers=False))
    assert not can_be_tiled(without)
    assert select(without) is FAMILIES["integers"]


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_choices(schedule):
    """Tiles, or dot products under the name of direct sums; where there are no tiles there is nothing to choose."""
    lowering = _lowering(schedule=schedule)
    assert legal_choices(lowering) == [Choice(DIRECT), Choice(INT8)]
    assert select(replace(lowering, choice=Choice(DIRECT))) is FAMILIES[schedule.op("integers")]
    small = _lowering((3, 4, 4), schedule, num_output=1)
    assert select(replace(small, choice=Choice(INT8))) is FAMILIES[schedule.op("integer_tiles")]
    grouped = _lowering(schedule=schedule, group=2)
    assert legal_choices(grouped) == [RULE]


def test_exact_results_are_right_for_any_precision(emulated):
    net = Case(((64, 8, 8),)).net(num_output=64, kernel_size=1)
    assert tiled_kernels(Session(net, precision=FMA, schedule="batch"))


def test_filters_are_filled_up(emulated):
    """The footprint is what the packed filters take at most."""
    lowering = _lowering((70, 4, 4), CHANNEL, num_output=20, kernel_size=3, pad=1)
    (*_, step) = select(replace(lowering, choice=Choice(INT8))).lower(replace(lowering, choice=Choice(INT8))).steps
    assert tiled_footprint(lowering).kept >= 32 * 9 * 128
    assert step.weight_bytes >= 32 * 9 * 128
