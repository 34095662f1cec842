"""Which layers are taken: by shape alone, alike in both schedules, and by what is asked for."""

from dataclasses import replace

import pytest

from tests.kernels.checks import one_layer_net
from xdn.codegen.target import TARGETS, target_named
from xdn.graph import Epilogue
from xdn.kernels.contract.matrix.rule import can_be_tiled, tiled_algorithm
from xdn.kernels.core.choice import BF16X3, BF16X6, DIRECT, F32, FMA, PRECISIONS, Choice
from xdn.kernels.core.family import FAMILIES, Lowering, legal_choices, select
from xdn.kernels.core.layout import BATCH, CHANNEL, SCHEDULES
from xdn.layers import LAYERS

EMULATED = target_named("amx-emulated")


def _lowering(type_name="Convolution", image=(64, 8, 8), target=EMULATED, epilogue=None, **params):
    if type_name == "Convolution":
        params = {"kernel_size": 1} | params
    net = one_layer_net(type_name, image, epilogue=epilogue, **{"num_output": 64} | params)
    layer = net.layers[-1]
    return Lowering(layer, net.bottom_blobs(layer), net.top_blobs(layer), target, net.added_blobs(layer))


@pytest.mark.parametrize(
    ("type_name", "image", "params", "taken"),
    [
        ("Convolution", (64, 8, 8), {}, True),
        ("Convolution", (64, 7, 7), {"kernel_size": 3, "pad": 1}, True),
        ("Convolution", (64, 14, 14), {"kernel_size": 3, "pad": 1, "stride": 2}, True),
        ("Convolution", (32, 9, 9), {"num_output": 16, "kernel_size": 5, "pad": 2}, True),
        ("InnerProduct", (512,), {}, True),
        ("InnerProduct", (64, 6, 6), {}, True),
        # Three channels of 32; one filter of 16; hardly any of each.
        ("Convolution", (3, 32, 32), {"kernel_size": 7, "pad": 3}, False),
        ("Convolution", (64, 8, 8), {"num_output": 1}, False),
        ("InnerProduct", (20,), {"num_output": 5}, False),
        # Winograd's filtering gains more where tiles are half empty.
        ("Convolution", (16, 32, 32), {"num_output": 16, "kernel_size": 3, "pad": 1}, False),
        ("Convolution", (64, 8, 8), {"group": 2}, False),
    ],
)
def test_what_is_taken(type_name, image, params, taken):
    lowering = _lowering(type_name, image, **params)
    found = {tiled_algorithm(replace(lowering, schedule=schedule)) for schedule in SCHEDULES.values()}
    assert found == {BF16X6 if taken else None}
    for schedule, family in ((BATCH, "tiles"), (CHANNEL, "channel_tiles")):
        assert (select(replace(lowering, schedule=schedule)) is FAMILIES[family]) == taken


def test_without_winograd_less_is_enough():
    lowering = _lowering(image=(16, 32, 32), num_output=16, kernel_size=3, pad=1)
    assert tiled_algorithm(lowering) is None
    assert tiled_algorithm(replace(lowering, winograd=False)) == BF16X6


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_where_there_is_a_tile_unit(target):
    lowering = _lowering(target=target)
    assert (tiled_algorithm(lowering) is not None) == can_be_tiled(lowering) == (target.tiles is not None)
    # A choice cannot have it otherwise.
    asked = replace(lowering, choice=Choice(BF16X6))
    assert (tiled_algorithm(asked) is not None) == (target.tiles is not None)


@pytest.mark.parametrize(
    ("precision", "rule", "legal"),
    [(F32, BF16X6, {BF16X6}), (FMA, None, set()), (BF16X3, BF16X3, {BF16X6, BF16X3})],
)
def test_precisions(precision, rule, legal):
    assert precision in PRECISIONS
    lowering = replace(_lowering(), precision=precision)
    assert tiled_algorithm(lowering) == rule
    for schedule in SCHEDULES.values():
        found = {choice.algorithm for choice in legal_choices(replace(lowering, schedule=schedule))}
        assert found & {BF16X6, BF16X3} == legal
        assert DIRECT in found


def test_small_layers_are_computed_where_they_are_chosen():
    lowering = _lowering(image=(3, 4, 4), num_output=2)
    assert tiled_algorithm(lowering) is None
    assert tiled_algorithm(replace(lowering, choice=Choice(BF16X6))) == BF16X6
    assert tiled_algorithm(replace(_lowering(), choice=Choice(DIRECT))) is None


def test_epilogues():
    assert can_be_tiled(_lowering(epilogue=Epilogue(True, LAYERS["ReLU"]())))


@pytest.mark.parametrize(("channels", "gains"), [(64, True), (1, False)])
def test_a_projection_counts(channels, gains):
    """Of one channel it fills a thirty-second of its tiles."""
    projection = LAYERS["Convolution"](num_output=64, kernel_size=(5,), pad=(2,))
    epilogue = Epilogue(projection=projection)
    net = one_layer_net("Convolution", (64, 8, 8), (channels, 8, 8), epilogue=epilogue, num_output=64, kernel_size=1)
    layer = net.layers[-1]
    lowering = Lowering(layer, [net.blobs["x0"]], net.top_blobs(layer), EMULATED, net.added_blobs(layer))
    assert can_be_tiled(lowering)
    assert (tiled_algorithm(lowering) is not None) == gains
