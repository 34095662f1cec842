"""When Winograd is chosen, and by which tile."""

import pytest

from tests.kernels.checks import make_params, one_layer_net
from tests.kernels.winograd.lowering import lowering_of
from tests.kernels.winograd_checks import algorithm_of
from xdn.codegen.target import TARGETS
from xdn.graph import Epilogue
from xdn.kernels.core.choice import FMA
from xdn.kernels.core.family import FAMILIES, select
from xdn.kernels.winograd.algorithm import best_algorithm
from xdn.kernels.winograd.transform import WINOGRAD
from xdn.layers.relu import ReLU
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan


@pytest.mark.parametrize(
    ("image", "chosen"),
    # On 5x5 and 6x6 nine tiles of 16 products are as many as four of 36, and their transforms take less.
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
def test_the_cheapest_tile_is_chosen(image, chosen):
    assert best_algorithm(lowering_of(image, num_output=image[0])) is WINOGRAD[chosen]


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


def test_the_choice_is_the_same_for_every_instruction_set_and_epilogue():
    """So that all processors with fused multiply-add agree, and fusing changes no bit."""
    for image in ((64, 6, 6), (16, 32, 32), (3, 32, 32)):
        found = {best_algorithm(lowering_of(image, target)) for target in TARGETS}
        found |= {best_algorithm(lowering_of(image, epilogue=Epilogue(True, ReLU())))}
        assert len(found) == 1


@pytest.mark.parametrize("winograd", [True, False])
def test_a_plan_does_as_it_is_told(winograd):
    net = one_layer_net("Convolution", (32, 8, 8), num_output=32, kernel_size=3, pad=1)
    plan = make_plan(net, {"x0": (32, 8, 8)}, ("y0",), configuration=Configuration(winograd=winograd, precision=FMA))
    assert ("winograd4" in {step.source.name.op for step in plan.steps}) == winograd
    # 4 tiles of 36 products; 22 of 3 * 8 taps along each axis meet data.
    assert plan.macs == (4 * 36 if winograd else 22 * 22) * 32 * 32
