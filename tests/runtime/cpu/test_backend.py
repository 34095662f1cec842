"""The processor as a backend: what it takes, compiles and needs."""

import numpy as np
import pytest

from tests.kernels.checks import B, input_layer, make_params, random_weights
from tests.runtime.cpu.test_executor import residual_net
from xdn.graph import Layer, Net
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.runtime.backend import BACKENDS, Request
from xdn.runtime.configuration import DEFAULT, Configuration
from xdn.runtime.cpu.backend import Cpu

SHAPES = {"x": (3, 6, 5)}


@pytest.fixture(scope="module")
def net():
    """Return a net with weights."""
    return random_weights(residual_net(), np.random.default_rng(0))


def test_it_is_the_first_backend():
    assert BACKENDS["cpu"] is Cpu


def test_it_takes_what_has_kernels_in_both_schedules(net):
    assert all(Cpu.takes(layer, net.blobs) for layer in net.layers if not layer.params.is_input)
    statistics = Layer("y", make_params("BatchNorm", use_global_stats=False), ("x",), ("y",))
    assert not Cpu.takes(statistics, Net("one", (input_layer("x", 3, 6, 5), statistics), ("y",)).blobs)


def test_the_variant_is_the_schedule_of_the_program(net):
    backend = Cpu(1)
    for images, schedule in ((1, CHANNEL), (4 * B, BATCH)):
        request = Request(SHAPES, net.outputs, images)
        assert backend.variant(net, request, DEFAULT) is schedule
        assert backend.compile(net, request, DEFAULT).plan.schedule is schedule
    asked = Configuration(schedule="channel")
    assert backend.variant(net, Request(SHAPES, net.outputs, 4 * B), asked) is CHANNEL


def test_plans_of_other_outputs_refer_to_what_is_packed(net):
    backend = Cpu(1)
    first, second = (
        backend.compile(net, Request(SHAPES, outputs, 4 * B), DEFAULT) for outputs in (net.outputs, ("conv",))
    )
    packed = {id(array) for step in first.plan.steps for array in step.keep if array.nbytes > 1000}
    assert packed & {id(array) for step in second.plan.steps for array in step.keep}


def test_each_worker_has_an_arena(net):
    backend = Cpu(3)
    program = backend.compile(net, Request(SHAPES, net.outputs, 3 * B), Configuration(schedule="batch"))
    (need,) = backend.needs(program, 3 * B)
    assert need.size == 3 * program.plan.arena.size
    (need,) = backend.needs(program, 1)
    assert need.size == program.plan.arena.size
