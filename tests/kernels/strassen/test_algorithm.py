"""When Strassen's algorithm is chosen."""

from dataclasses import replace

import pytest

from tests.kernels.checks import make_params, one_layer_net
from tests.kernels.machine.machines import MACHINES, target_of
from tests.kernels.strassen.lowering import pointwise
from tests.kernels.strassen_checks import by_strassen
from xdn.graph import Epilogue
from xdn.kernels.core.choice import F32, FMA, STRASSEN
from xdn.kernels.core.family import FAMILIES, legal_choices, select
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.kernels.core.work import Setting
from xdn.kernels.strassen.algorithm import takes
from xdn.layers.relu import ReLU
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan

#: What the weights of MobileNet-V1 take.
NET_BYTES = 17e6


def chosen(name, image, filters, schedule):
    """Return whether a stored machine takes it."""
    setting = Setting(threads=2, net_bytes=NET_BYTES, blocks=6 if schedule is BATCH else 1)
    lowering = pointwise(image, target_of(MACHINES[name]), num_output=filters)
    return takes(replace(lowering, precision=F32, schedule=schedule, setting=setting))


@pytest.mark.parametrize("name", ["emerald_rapids", "zen2", "zen4", "zen5"])
@pytest.mark.parametrize(
    ("image", "filters"), [((512, 14, 14), 512), ((256, 28, 28), 256), ((256, 14, 14), 1024), ((256, 56, 57), 512)]
)
def test_many_channels_and_positions_of_blocks_gain(image, filters, name):
    assert chosen(name, image, filters, BATCH)


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize(("image", "filters"), [((512, 14, 14), 512), ((1024, 7, 7), 1024), ((256, 28, 28), 256)])
def test_threads_that_share_an_image_gain_nothing(image, filters, name):
    assert not chosen(name, image, filters, CHANNEL)


@pytest.mark.parametrize("name", ["emerald_rapids", "zen2", "zen4", "zen5"])
@pytest.mark.parametrize(
    ("image", "filters"),
    # Sums of inputs outweigh; of results; too few channels, and filters, to halve.
    [((512, 28, 28), 32), ((32, 112, 112), 512), ((31, 64, 64), 64), ((64, 64, 64), 31)],
)
def test_others_do_not(image, filters, name):
    assert not chosen(name, image, filters, BATCH)
    assert not chosen(name, image, filters, CHANNEL)
    assert not chosen(name, (1024, 2, 2), 1024, CHANNEL)


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


def test_the_choice_is_the_same_for_every_epilogue():
    """So that fusing changes no bit."""
    for image in ((512, 14, 14), (64, 14, 14)):
        plain = pointwise(image, num_output=512)
        assert takes(pointwise(image, epilogue=Epilogue(True, ReLU()), num_output=512)) == takes(plain)


def test_plain_arithmetic_is_the_same_in_both_schedules_and_on_all_machines():
    for image, expected in (((512, 14, 14), True), ((64, 14, 14), False)):
        lowerings = (pointwise(image, target_of(machine), num_output=image[0]) for machine in MACHINES.values())
        both = (replace(each, precision=FMA, schedule=s) for each in lowerings for s in (BATCH, CHANNEL))
        assert {takes(lowering) for lowering in both} == {expected}


@pytest.mark.parametrize("winograd", [True, False])
def test_a_plan_does_as_it_is_told(winograd):
    net = one_layer_net("Convolution", (512, 14, 14), num_output=512, kernel_size=1)
    configuration, target = Configuration(winograd=winograd), target_of(MACHINES["zen4"])
    plan = make_plan(net, {"x0": (512, 14, 14)}, ("y0",), configuration=configuration, target=target)
    assert any(step.source.name.op.startswith("strassen") for step in plan.steps) == winograd
    assert plan.macs == 14 * 14 * 512 * 512 * (7 if winograd else 8) // 8
