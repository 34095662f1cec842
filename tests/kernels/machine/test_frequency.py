"""The chain of additions: all of them are done."""

import numpy as np
import pytest

from tests.kernels.machine.probes import run_probe
from xdn.codegen.target import host_target
from xdn.kernels.machine import frequency


@pytest.mark.parametrize("steps", [0, 1, 7, 1000])
@pytest.mark.parametrize("term", [1, 2])
def test_every_addition_is_done(steps, term):
    assert run_probe(frequency.additions(host_target(), wide=False), np.zeros(1), steps, term) == (
        steps * frequency.CHAIN * term
    )


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_so_is_every_multiplication_beside_them(steps):
    """Each of the vectors is (its last value + 1) / 2, from 0 on: exact."""
    vector = 1 - 0.5**steps
    expected = frequency.CHAIN * (steps + vector)
    assert run_probe(frequency.additions(host_target(), wide=True), np.full(1, 0.5), steps) == expected
