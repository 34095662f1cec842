"""Which register tile the channel schedule takes, and how it cuts groups into vectors."""

from dataclasses import replace

import pytest

from tests.kernels.checks import LANES, check_layer, one_layer_net, sums
from xdn.codegen.target import TARGETS, target_named
from xdn.kernels.contract.channel import best_tile, tiles_of
from xdn.kernels.core.layout import CHANNEL
from xdn.runtime.cpu.plan import make_plan


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_tiles_fit_into_the_registers(target):
    for rows, vectors in tiles_of(target):
        assert rows >= 1
        # Accumulators, a panel's weights, a scalar.
        assert rows * vectors + vectors + 1 <= target.registers


def test_many_positions_get_a_large_tile_and_one_gets_many_vectors():
    target = target_named("avx512f")
    rows, vectors = best_tile(256, [56 * 56], target)
    assert rows * vectors >= 24
    rows, vectors = best_tile(2048, [1], target)
    assert (rows, vectors) == (1, 8)


def test_a_tile_is_no_larger_than_its_layer():
    target = target_named("avx512f")
    assert best_tile(16, [4], target) == (4, 1)
    assert best_tile(10, [1], target)[1] == 1


def test_panels_are_narrow_where_wide_ones_do_not_stay_in_the_cache():
    target, depth = replace(target_named("avx512f"), core_cache_bytes=2 << 20), 512 * 27
    assert depth * 2 * target.lanes * 4 < 2 << 20 < depth * 3 * target.lanes * 4
    many = [4 * 14 * 14]
    assert best_tile(512, many, target)[1] > 2
    assert best_tile(512, many, target, 256)[1] > 2
    assert best_tile(512, many, target, depth)[1] == 2
    # Weights that are used once come from the memory in any case.
    assert best_tile(512, [1], target, depth) == best_tile(512, [1], target)


@pytest.mark.parametrize(("filters", "groups"), [(3, 2), (4, 8), (23, 3), (LANES // 2, 4), (LANES + 1, 5), (1, 6)])
def test_vectors_may_belong_to_several_groups(filters, groups):
    allowed = {"allowed": sums, "kernel_size": 3, "pad": 1}
    check_layer("Convolution", (2 * groups, 5, 4), num_output=filters * groups, group=groups, **allowed)


def test_zeros_beside_the_filters_of_a_group_do_not_count():
    net = one_layer_net("Convolution", (6, 5, 5), num_output=6, kernel_size=3, group=2)
    plan = make_plan(net, {"x0": (6, 5, 5)}, net.outputs, schedule=CHANNEL)
    assert [step.source.name.op for step in plan.steps][1] == "channel_contract"
    assert plan.macs == 3 * 3 * 9 * 3 * 6
