"""A net's programs: which are made, which are kept; and what it gives."""

import numpy as np
import pytest

from tests.kernels.checks import B, random_weights
from tests.runtime.cpu.test_executor import residual_net
from xdn import settings
from xdn.errors import InputError
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.runtime.backend import Request
from xdn.runtime.configuration import DEFAULT, Configuration
from xdn.runtime.cpu.backend import Cpu
from xdn.runtime.runner import Runner

SHAPES = {"x": (3, 6, 5)}


@pytest.fixture(scope="module")
def net():
    """Return a net with weights."""
    return random_weights(residual_net(), np.random.default_rng(0))


def test_a_program_is_made_once_for_its_shapes_outputs_and_schedule(net):
    runner = Runner(net, Cpu(1), DEFAULT)
    assert runner.latest_plan() is None
    many, few = (runner.program(Request(SHAPES, net.outputs, images)) for images in (4 * B, 1))
    assert (many.plan.schedule, few.plan.schedule) == (BATCH, CHANNEL)
    assert runner.program(Request(SHAPES, net.outputs, 5 * B)) is many
    # The plan that was used last, not the one that was made last.
    assert runner.latest_plan() is many.plan
    assert runner.plan(None, 1) is many.plan
    assert runner.plan(SHAPES, 1) is few.plan


def test_the_configuration_decides_the_schedule_first(net):
    runner = Runner(net, Cpu(1), Configuration(schedule="batch"))
    assert runner.program(Request(SHAPES, net.outputs, 1)).plan.schedule is BATCH


def test_programs_that_were_not_used_for_long_go(net, monkeypatch):
    monkeypatch.setattr(settings, "PLANS_KEPT", 2)
    runner = Runner(net, Cpu(1), DEFAULT)
    first, second, third = (Request(SHAPES, outputs, 1) for outputs in (("conv",), ("sum",), net.outputs))
    kept, other = runner.program(first), runner.program(second)
    assert runner.program(first) is kept
    runner.program(third)
    assert runner.program(first) is kept
    assert runner.program(second) is not other


def test_a_result_that_nobody_asked_for_is_refused(net):
    runner = Runner(net, Cpu(1), DEFAULT)
    x = np.zeros((1, *SHAPES["x"]), np.float32)
    with pytest.raises(InputError, match="out names 'y', which is not asked for"):
        runner.run({"x": x}, net.outputs, out={"y": x})
