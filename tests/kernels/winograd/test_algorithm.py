"""When Winograd is chosen, and by which tile."""

from dataclasses import replace

import pytest

from tests.kernels.checks import make_params, one_layer_net
from tests.kernels.machine.machines import MACHINES, target_of
from tests.kernels.winograd.lowering import lowering_of
from tests.kernels.winograd_checks import algorithm_of
from xdn.graph import Epilogue
from xdn.kernels.core.choice import F32, FMA
from xdn.kernels.core.family import FAMILIES, select
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.kernels.core.work import Setting
from xdn.kernels.winograd.algorithm import best_algorithm
from xdn.layers.relu import ReLU
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan

#: What the weights of ResNet-50 take, and those of ResNet-20.
LARGE, SMALL = 100e6, 1e6


def chosen(name, image, schedule, net_bytes):
    """Return the results of a tile along each axis that a stored machine chooses for C = K, 1 for the direct sums."""
    blocks = 6 if schedule is BATCH else 1
    setting = Setting(threads=2, net_bytes=net_bytes, blocks=blocks)
    lowering = lowering_of(image, target_of(MACHINES[name]), num_output=image[0])
    found = best_algorithm(replace(lowering, precision=F32, schedule=schedule, setting=setting))
    return found.outputs if found else 1


@pytest.mark.parametrize(
    ("image", "wanted"),
    # On 5x5 and 6x6 nine tiles of 16 products are as many as four of 36, which err more.
    [
        ((512, 5, 5), 2),
        ((64, 6, 6), 2),
        ((64, 3, 3), 4),
        ((64, 4, 4), 4),
        ((64, 7, 7), 4),
        ((64, 13, 9), 4),
        ((16, 32, 32), 4),
        ((64, 56, 56), 4),
    ],
)
def test_the_cheapest_tile_is_chosen(image, wanted):
    assert chosen("zen4", image, BATCH, SMALL) == wanted


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 2)])
def test_small_maps_gain_nothing(size):
    """A map of 2x2 takes 16 products of the smaller tile, and 4 * 4 taps that meet data."""
    assert best_algorithm(lowering_of((512, *size), num_output=512)) is None


@pytest.mark.parametrize(
    "params",
    [
        {"stride": 2},
        {"stride_h": 1, "stride_w": 2},
        {"dilation": 2, "pad": 2},
        {"group": 2},
        {"group": 64},
        {"kernel_size": 1, "pad": 0},
        {"kernel_size": 2},
        {"kernel_size": 5, "pad": 2},
        {"kernel_size": (), "kernel_h": 3, "kernel_w": 1},
    ],
    ids=str,
)
@pytest.mark.usefixtures("outputs")
def test_other_windows_are_direct_sums_whatever_they_cost(params):
    lowering = lowering_of((64, 16, 16), **params)
    assert best_algorithm(lowering) is None
    assert select(lowering) is not FAMILIES["winograd"]


@pytest.mark.usefixtures("outputs")
def test_a_second_source_is_direct_sums():
    projection = make_params("Convolution", num_output=8, kernel_size=1)
    net = one_layer_net(
        "Convolution",
        (8, 8, 8),
        (3, 8, 8),
        epilogue=Epilogue(projection=projection),
        num_output=8,
        kernel_size=3,
        pad=1,
    )
    assert algorithm_of(net) is None


@pytest.mark.usefixtures("outputs")
def test_who_does_not_want_it_does_not_get_it():
    assert select(lowering_of((64, 16, 16))) is FAMILIES["winograd"]
    assert select(lowering_of((64, 16, 16), winograd=False)) is FAMILIES["contract"]


@pytest.mark.parametrize(("channels", "filters"), [(1, 64), (64, 1), (3, 16)])
def test_few_channels_are_direct_sums_because_the_transforms_outweigh(channels, filters):
    assert best_algorithm(lowering_of((channels, 32, 32), num_output=filters)) is None


def test_the_choice_is_the_same_for_every_epilogue():
    """So that fusing changes no bit."""
    for image in ((64, 6, 6), (16, 32, 32), (3, 32, 32)):
        plain = best_algorithm(lowering_of(image))
        assert best_algorithm(lowering_of(image, epilogue=Epilogue(True, ReLU()))) is plain


@pytest.mark.parametrize("name", MACHINES)
def test_many_positions_for_each_weight_take_the_largest_tile_everywhere(name):
    for image, net_bytes in (((64, 56, 56), LARGE), ((128, 28, 28), LARGE), ((16, 32, 32), SMALL), ((64, 8, 8), SMALL)):
        assert {chosen(name, image, schedule, net_bytes) for schedule in (BATCH, CHANNEL)} == {4}


@pytest.mark.parametrize("name", MACHINES)
def test_512_channels_at_7x7(name):
    """Of one image F(4x4) reads 37.7 MB of weights, F(2x2) 16.8, direct sums 9.4, in small tiles along the border.

    Many images read them once, wherever they are.
    """
    assert chosen(name, (512, 7, 7), BATCH, LARGE) == 4
    assert chosen(name, (512, 7, 7), CHANNEL, LARGE) == (1 if name in {"laptop", "zen2"} else 2)


@pytest.mark.parametrize("name", MACHINES)
def test_small_maps_of_one_image(name):
    """4x4 positions have nine lists of taps and so at least nine tiles of direct sums; 2x2 have four and few taps.

    Of 128 channels at 4x4 F(2x2) takes 0.54 of the time of direct sums, at 2x2 1.5 times (Zen 4, one thread).
    """
    assert chosen(name, (128, 4, 4), CHANNEL, LARGE) == 2
    assert chosen(name, (256, 2, 2), CHANNEL, LARGE) == 1
    assert chosen(name, (128, 4, 4), BATCH, LARGE) == 4


def test_plain_arithmetic_is_the_same_in_both_schedules_and_on_all_machines():
    """So that a net has one result."""
    for image in ((512, 7, 7), (128, 4, 4), (64, 8, 8), (3, 64, 64)):
        found = set()
        for machine in MACHINES.values():
            lowering = replace(lowering_of(image, target_of(machine), num_output=image[0]), precision=FMA)
            settings = (Setting(), Setting(threads=2, net_bytes=LARGE, blocks=6))
            both = [replace(lowering, schedule=schedule) for schedule in (BATCH, CHANNEL)]
            found |= {best_algorithm(replace(each, setting=setting)) for each in both for setting in settings}
        assert len(found) == 1


@pytest.mark.parametrize("winograd", [True, False])
def test_a_plan_does_as_it_is_told(winograd):
    net = one_layer_net("Convolution", (32, 8, 8), num_output=32, kernel_size=3, pad=1)
    plan = make_plan(net, {"x0": (32, 8, 8)}, ("y0",), configuration=Configuration(winograd=winograd, precision=FMA))
    assert ("winograd4" in {step.source.name.op for step in plan.steps}) == winograd
    # 4 tiles of 36 products; 22 of 3 * 8 taps along each axis meet data.
    assert plan.macs == (4 * 36 if winograd else 22 * 22) * 32 * 32
