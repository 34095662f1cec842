"""What probes have in common."""

import numpy as np
import pytest

from tests.kernels.machine.probes import run_probe
from xdn.codegen.target import host_target
from xdn.kernels.machine.probe import number_within, probe


@pytest.mark.parametrize(("steps", "around"), [(0, 4), (3, 4), (4, 4), (9, 4), (9, 1)])
def test_steps_go_around_and_results_are_added(steps, around):
    """Two vectors: the sum of the numbers of all steps, and a constant."""

    def emit(b, values, steps, around):
        def one_step(step, acc):
            number = b.scalar(values, number_within(b, step, around))
            return [b.add(acc[0], b.broadcast(number))]

        return [*b.loop(b.const(0), steps, [b.number(0)], one_step), b.number(0.5)]

    values = np.float32([1, 10, 100, 1000])
    expected = values[np.arange(steps) % around].sum() + 0.5
    assert run_probe(probe("numbers", host_target(), emit), values, steps, around) == expected
