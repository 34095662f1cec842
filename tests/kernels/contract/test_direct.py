"""What direct sums should take, told before their tap lists are made, against what the families say with these."""

from dataclasses import replace

import pytest

from tests.kernels.machine.machines import MACHINES, target_of
from tests.kernels.winograd.lowering import lowering_of
from xdn.kernels.contract.direct import direct_cycles
from xdn.kernels.core.choice import DIRECT, Choice
from xdn.kernels.core.family import select
from xdn.kernels.core.layout import SCHEDULES
from xdn.kernels.core.work import Setting, cycles_of


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("image", [(64, 56, 56), (16, 32, 32), (512, 7, 7)], ids=str)
def test_it_is_what_the_family_takes(image, name, schedule):
    lowering = lowering_of(image, target_of(MACHINES[name]), num_output=image[0])
    setting = Setting(threads=2, net_bytes=1e8, blocks=6 if schedule == "batch" else 1)
    lowering = replace(lowering, schedule=SCHEDULES[schedule], setting=setting, choice=Choice(DIRECT))
    taken = cycles_of(select(lowering).phases(lowering), lowering.target.rates, setting)
    assert direct_cycles(lowering) == pytest.approx(taken, rel=1e-3)


def test_padding_is_not_multiplied():
    """Of 3x3 taps on 2x2 positions 16 of 36 meet data."""
    padded, inside = (lowering_of((256, size, size), pad=pad) for size, pad in ((2, 1), (4, 0)))
    assert direct_cycles(padded) < 0.6 * direct_cycles(inside)
