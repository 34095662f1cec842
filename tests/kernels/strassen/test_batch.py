"""What the kernel of the batch schedule is told: descriptor, the filters that are left."""

from dataclasses import replace

import pytest

from tests.kernels.strassen.lowering import pointwise
from xdn.graph import Epilogue
from xdn.kernels.contract.task import spread
from xdn.kernels.core.choice import STRASSEN, Choice
from xdn.kernels.strassen.batch import lower_strassen
from xdn.kernels.strassen.kernel import Halving
from xdn.layers.relu import ReLU

pytestmark = pytest.mark.usefixtures("everywhere")


@pytest.mark.parametrize("filters", [32, 37, 100])
def test_the_descriptor(filters):
    lowering = pointwise((70, 5, 5), num_output=filters, epilogue=Epilogue(True, ReLU()))
    step, *rest = lower_strassen(lowering).steps
    half = filters // 32 * 16
    sizes = spread(half, lowering.target.tile()[0])
    assert step.source.name.tile == (sizes[0], lowering.target.tile()[1])
    assert step.source.name.epilogue == ("sum", "relu")
    assert step.macs == 13 * half * (7 * 32 + 4 * 6)
    words = [step.words[field.slot] for field in (Halving.half, Halving.rest, Halving.filters, Halving.pair_count)]
    assert words == [32, 6, half, 13]
    full, small = step.words[Halving.full.slot], step.words[Halving.small.slot]
    assert [sizes[0]] * full + [sizes[0] - 1] * small == sizes
    assert sum(each.macs for each in rest) == 25 * 70 * (filters - 2 * half)
    assert {each.source.name.op for each in rest} <= {"contract"}


def test_a_chosen_tile_is_taken_and_the_filters_that_are_left_have_their_own():
    lowering = replace(pointwise((64, 6, 6), num_output=70), choice=Choice(STRASSEN, (4, 2)))
    step, rest = lower_strassen(lowering).steps
    assert step.source.name.tile == (4, 2)
    assert rest.source.name.tile == (6, 2)


def test_the_residual_may_be_overwritten_and_nothing_else():
    for residual in (False, True):
        lowered = lower_strassen(pointwise((64, 8, 8), epilogue=Epilogue(residual)))
        assert lowered.in_place == ({"y0": "residual"} if residual else {})
        assert not lowered.aliases
