"""Choices: every legal one computes its layer, tiles and orders do not change a bit, others are refused."""

import numpy as np
import pytest

from tests.kernels.checks import FULL_MATRIX, LAYER_CASES, B, assert_within, feed_for, one_layer_net
from xdn.codegen.target import host_target
from xdn.errors import SettingError
from xdn.kernels.core.choice import BLAS, DIRECT, FMA, ORDERS, RULE, WINOGRADS, Choice
from xdn.kernels.core.family import Lowering, legal_choices
from xdn.kernels.core.layout import BATCH, CHANNEL, SCHEDULES
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session

#: Of the choices of a layer, those that are run: each makes a kernel to compile.
STEP = 1 if FULL_MATRIX else 17


def _legal(net, schedule, **fields):
    layer = net.layers[-1]
    blobs, fields = (net.bottom_blobs(layer), net.top_blobs(layer)), {"precision": FMA} | fields
    return legal_choices(Lowering(layer, *blobs, host_target(), net.added_blobs(layer), schedule=schedule, **fields))


def _outputs(net, schedule, choice):
    configuration = Configuration(2, schedule=schedule.name, choices={schedule.name: {net.layers[-1].name: choice}})
    return Session(net, configuration=configuration).run(None, feed_for(net))[0]


CHOOSING = [case for case in LAYER_CASES if len(_legal(case.net(), CHANNEL)) > 1]


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("case", CHOOSING, ids=lambda case: case.id)
def test_every_choice_computes_the_layer(case, schedule):
    net, feed = case.net(), feed_for(case.net())
    expected = net.with_batch(B + 1).forward(feed)["y0"]
    # The bounds of Winograd's sums are for the algorithm that the rule takes; F(4x4) errs by most.
    allowed = 64 * case.allowed(net, feed, expected)
    by_algorithm = {}
    for choice in _legal(net, schedule)[::STEP]:
        outputs = _outputs(net, schedule, choice)
        assert_within(outputs, expected, allowed)
        first = by_algorithm.setdefault(choice.algorithm, outputs)
        np.testing.assert_array_equal(outputs, first, str(choice))


def test_what_there_is_to_choose():
    net = one_layer_net("Convolution", (8, 6, 6), num_output=40, kernel_size=3, pad=1)
    for schedule in SCHEDULES.values():
        legal = _legal(net, schedule)
        assert {choice.algorithm for choice in legal} == {DIRECT, *WINOGRADS}
        assert len({choice.tile for choice in legal}) > 3
        assert all(choice.order in (*ORDERS, None) for choice in legal)
        assert {choice.algorithm for choice in _legal(net, schedule, winograd=False)} == {DIRECT}
    assert _legal(one_layer_net("ReLU", (3, 4, 4)), BATCH) == [RULE]
    assert _legal(one_layer_net("Convolution", (8, 6, 6), num_output=8, kernel_size=3, group=8), BATCH) == [RULE]
    assert Choice(BLAS) in _legal(one_layer_net("Convolution", (8, 6, 6), num_output=8, kernel_size=1), CHANNEL)


def test_tiles_that_cut_alike_are_one_choice():
    net = one_layer_net("Convolution", (8, 1, 1), num_output=host_target().lanes, kernel_size=1)
    assert _legal(net, CHANNEL) == [Choice(DIRECT, (1, 1), "panels"), Choice(BLAS)]
    rows = [choice.tile[0] for choice in _legal(one_layer_net("InnerProduct", (8,), num_output=4), BATCH)]
    assert rows == [1, 2, 4]


@pytest.mark.parametrize(
    ("choice", "schedule"),
    [
        (Choice("winograd4"), BATCH),
        (Choice(DIRECT, (0, 2)), BATCH),
        (Choice(DIRECT, (1000, 1), "panels"), CHANNEL),
        (Choice("strassen"), CHANNEL),
    ],
    ids=str,
)
def test_a_choice_that_a_layer_does_not_have_is_refused(choice, schedule):
    net = one_layer_net("Convolution", (8, 6, 6), num_output=8, kernel_size=1)
    configuration = Configuration(choices={schedule.name: {"layer": choice}})
    with pytest.raises(SettingError, match=rf"layer 'layer' \(Convolution\).*cannot be computed by '{choice}'"):
        make_plan(net, {"x0": (8, 6, 6)}, net.outputs, schedule=schedule, configuration=configuration)


def test_a_choice_reads_as_text():
    assert str(RULE) == "rule"
    assert str(Choice("winograd2", (6, 4))) == "winograd2 6x4"
    assert str(Choice(DIRECT, (1, 8), "tiles")) == "direct 1x8 tiles"
