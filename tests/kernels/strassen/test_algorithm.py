"""When Strassen's algorithm is chosen."""

import pytest

from tests.kernels.checks import make_params, one_layer_net
from tests.kernels.strassen.lowering import pointwise
from tests.kernels.strassen_checks import by_strassen
from xdn.codegen.target import TARGETS
from xdn.graph import Epilogue
from xdn.kernels.core.choice import STRASSEN
from xdn.kernels.core.family import FAMILIES, legal_choices, select
from xdn.kernels.strassen.algorithm import takes
from xdn.layers.relu import ReLU
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan


@pytest.mark.parametrize(
    ("image", "filters"),
    [((512, 14, 14), 512), ((1024, 7, 7), 1024), ((256, 28, 28), 256), ((256, 14, 14), 1024), ((128, 56, 57), 512)],
    ids=str,
)
def test_many_channels_and_positions_gain(image, filters):
    assert takes(pointwise(image, num_output=filters))


@pytest.mark.parametrize(
    ("image", "filters"),
    # Sums of inputs outweigh; of results; few positions for their weights; too few channels, and filters, to halve.
    [((512, 28, 28), 32), ((32, 112, 112), 512), ((1024, 2, 2), 1024), ((31, 64, 64), 64), ((64, 64, 64), 31)],
    ids=str,
)
def test_others_do_not(image, filters):
    assert not takes(pointwise(image, num_output=filters))


@pytest.mark.parametrize(
    "params", [{"group": 2}, {"pad": 1}, {"kernel_size": 3}, {"kernel_size": (), "kernel_h": 1, "kernel_w": 2}], ids=str
)
@pytest.mark.usefixtures("everywhere")
def test_other_windows_are_not_taken_whatever_they_cost(params):
    assert not takes(pointwise((64, 16, 16), **params))


@pytest.mark.usefixtures("everywhere")
def test_strides_are_taken_and_single_positions_and_second_sources_are_not():
    assert takes(pointwise((64, 16, 16), stride=2))
    assert not takes(pointwise((64, 1, 1)))
    params = {"num_output": 64, "kernel_size": 1}
    projection = Epilogue(projection=make_params("Convolution", **params))
    assert not by_strassen(one_layer_net("Convolution", (64, 8, 8), (64, 8, 8), epilogue=projection, **params))


@pytest.mark.usefixtures("everywhere")
def test_who_does_not_want_it_does_not_get_it():
    assert select(pointwise((64, 16, 16))) is FAMILIES["strassen"]
    assert select(pointwise((64, 16, 16), winograd=False)) is FAMILIES["contract"]


def test_it_can_be_chosen_where_the_rule_does_not():
    lowering = pointwise((64, 16, 16))
    assert select(lowering) is FAMILIES["contract"]
    assert STRASSEN in {choice.algorithm for choice in legal_choices(lowering)}
    assert STRASSEN not in {choice.algorithm for choice in legal_choices(pointwise((64, 16, 16), winograd=False))}


def test_the_choice_is_the_same_for_every_instruction_set_and_epilogue():
    """So that all processors with fused multiply-add agree, and fusing changes no bit."""
    for image, expected in (((512, 14, 14), True), ((64, 14, 14), False)):
        found = {takes(pointwise(image, target, num_output=512)) for target in TARGETS}
        found |= {takes(pointwise(image, epilogue=Epilogue(True, ReLU()), num_output=512))}
        assert found == {expected}


@pytest.mark.parametrize("winograd", [True, False])
def test_a_plan_does_as_it_is_told(winograd):
    net = one_layer_net("Convolution", (256, 14, 14), num_output=256, kernel_size=1)
    plan = make_plan(net, {"x0": (256, 14, 14)}, ("y0",), configuration=Configuration(winograd=winograd))
    assert any(step.source.name.op.startswith("strassen") for step in plan.steps) == winograd
    assert plan.macs == 14 * 14 * 256 * 256 * (7 if winograd else 8) // 8
