"""Which register tile the channel schedule takes, and how it cuts groups into vectors."""

from dataclasses import replace

import pytest

from tests.kernels.checks import LANES, check_layer, one_layer_net, sums
from tests.kernels.machine.machines import MACHINES, target_of
from xdn.codegen.target import TARGETS, target_named
from xdn.kernels.contract.channel import best_order, best_tile, own_tiles_pay
from xdn.kernels.contract.work import Depth, Sums, tiles_of
from xdn.kernels.core.choice import PANELS, TILES
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.work import ALONE, Setting
from xdn.runtime.cpu.plan import make_plan


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_tiles_fit_into_the_registers(target):
    for rows, vectors in tiles_of(target):
        assert rows >= 1
        # Accumulators, a panel's weights, a scalar.
        assert rows * vectors + vectors + 1 <= target.registers


def tile(filters, *depths, target=None, setting=ALONE):
    """Return the best tile for positions and products."""
    return best_tile(Sums(target or target_named("avx512f"), depths, 1e5), filters, 1, setting)


def test_many_positions_get_a_large_tile_and_one_gets_many_vectors():
    rows, vectors = tile(256, Depth(56 * 56, 64.0))
    assert rows * vectors >= 20
    assert tile(2048, Depth(1, 512.0)) == (1, 8)


def test_a_tile_is_no_larger_than_its_layer():
    assert tile(16, Depth(4, 64.0)) == (4, 1)
    assert tile(10, Depth(1, 64.0))[1] == 1


@pytest.mark.parametrize("name", MACHINES)
def test_one_position_has_enough_sums_to_hide_their_latency_on_all_machines(name):
    target = target_of(MACHINES[name])
    rows, vectors = tile(1000, Depth(1, 1024.0), target=target, setting=Setting(threads=2, net_bytes=1e8))
    assert rows * vectors >= min(4, target.rates.latency * target.rates.multiplied)


def test_panels_are_narrow_where_wide_ones_do_not_stay_in_the_cache():
    """Three vectors of 512 channels and 27 taps fill the core's cache; the next one gives a quarter."""
    target, depth = target_of(MACHINES["emerald_rapids"]), 512 * 27
    assert depth * 2 * target.vector_bytes < 2 << 20 < depth * 3 * target.vector_bytes
    assert tile(512, Depth(4 * 14 * 14, 256.0), target=target)[1] > 2
    assert tile(512, Depth(4 * 14 * 14, float(depth)), target=target)[1] <= 2


def test_the_order_of_the_loops_keeps_what_is_larger():
    """Weights of 4 MiB would leave the core's cache with each tile; of 64 KiB they stay, and so do positions."""
    sums, setting = Sums(target_named("avx512f"), (Depth(196, 1024.0),), 8e5), ALONE
    assert best_order(sums, 6, [4] * 16, setting) == TILES
    assert best_order(replace(sums, depths=(Depth(196, 64.0),)), 6, [4] * 4, setting) == PANELS


@pytest.mark.parametrize("name", MACHINES)
def test_threads_have_tiles_of_their_own_where_blobs_outweigh_the_weights(name):
    """256 channels at 14x14 have 0.26 MB of weights, blobs of 0.2 MB; 1024 at 7x7 have 4.2 MB, and as large blobs."""
    target, setting = target_of(MACHINES[name]), Setting(threads=2, net_bytes=1.5e6)
    map14, map7 = (Sums(target, (Depth(n, float(c)),), n * c * 4.0) for n, c in ((196, 256), (49, 1024)))
    assert own_tiles_pay(map14, 6, [4] * (256 // 4 // target.lanes), map14.x_bytes, setting)
    assert not own_tiles_pay(map7, 7, [4] * (1024 // 4 // target.lanes), map7.x_bytes, setting)


@pytest.mark.parametrize(("filters", "groups"), [(3, 2), (4, 8), (23, 3), (LANES // 2, 4), (LANES + 1, 5), (1, 6)])
def test_vectors_may_belong_to_several_groups(filters, groups):
    allowed = {"allowed": sums, "kernel_size": 3, "pad": 1}
    check_layer("Convolution", (2 * groups, 5, 4), num_output=filters * groups, group=groups, **allowed)


def test_zeros_beside_the_filters_of_a_group_do_not_count():
    net = one_layer_net("Convolution", (6, 5, 5), num_output=6, kernel_size=3, group=2)
    plan = make_plan(net, {"x0": (6, 5, 5)}, net.outputs, schedule=CHANNEL)
    assert [step.source.name.op for step in plan.steps][1] == "channel_contract"
    assert plan.macs == 3 * 3 * 9 * 3 * 6
