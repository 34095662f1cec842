"""What contractions take: tiles against registers, and what is read again and again."""

import pytest

from tests.kernels.machine.machines import MACHINES, target_of
from xdn.codegen.target import TARGETS
from xdn.kernels.contract.work import Depth, Sums, fastest_tile, tile_cycles, tile_group, tiles_of
from xdn.kernels.core.choice import PANELS, TILES
from xdn.kernels.core.work import ALONE

TARGET = TARGETS[0]


def sums(positions, products, x_bytes=1e4, target=TARGET):
    return Sums(target, (Depth(positions, products),), x_bytes)


def test_a_tile_is_bound_by_products_by_loads_or_by_latency():
    products, rates = 1000, TARGET.rates
    many = tile_cycles(TARGET, 6, 4, products)
    assert many == pytest.approx(products * 24 / rates.multiplied, rel=0.1)
    # One sum at a time waits for itself.
    assert tile_cycles(TARGET, 1, 1, products) == pytest.approx(products * rates.latency, rel=0.1)
    # A vector for each product: the first cache gives one in a cycle.
    assert tile_cycles(TARGET, 1, 8, products) == pytest.approx(products * 8.5, rel=0.1)


def test_twice_the_positions_and_twice_the_filters_take_twice_as_long():
    one, tall, wide = (
        sums(n, 256.0).by_channels(6, [4] * panels, PANELS).cycles for n, panels in ((60, 2), (120, 2), (60, 4))
    )
    assert tall == pytest.approx(2 * one)
    assert wide == pytest.approx(2 * one)


def test_the_order_of_the_loops_decides_what_comes_back():
    """Panels of 16 KiB, 8 of them: inside out all weights pass for each tile, or x passes for each panel."""
    phases = [sums(60, 64.0).by_channels(6, [4] * 8, order) for order in (PANELS, TILES)]
    assert phases[0].cycles == phases[1].cycles
    # 128 KiB leave the first cache, a panel stays there.
    moved = [next(iter(phase.streams[1].moved(TARGET.rates, ALONE))) for phase in phases]
    assert [level for _, level in moved] == [TARGET.rates.levels[1], TARGET.rates.levels[0]]
    assert moved[0][0] == moved[1][0] == 9 * 8 * 4 * 64 * 64


def test_filters_in_groups_of_tiles_read_the_block_again():
    """Weights that fill a quarter of the core's cache each pass over all positions before the next ones."""
    cache = TARGET.core_cache_bytes
    products = cache // 4 // 4 // 14
    few, many = (sums(9, float(products), 1e5).by_images([14] * n) for n in (1, 4))
    assert tile_group(4, 4 * 14 * 4 * products, TARGET) == 1
    assert few.streams[-1].bytes == 0
    assert many.streams[-1].bytes == 3e5


@pytest.mark.parametrize("name", MACHINES)
def test_tiles_fit_the_registers_and_the_fastest_one_keeps_the_multipliers_busy(name):
    target, products = target_of(MACHINES[name]), 4096

    def each(tile):
        return tile_cycles(target, *tile, products) / (tile[0] * tile[1])

    assert all(rows * v + v + 1 <= target.registers for rows, v in tiles_of(target))
    rows, v = fastest_tile(target, 8, 1000, each)
    assert rows * v >= target.rates.latency * target.rates.multiplied
    assert each((rows, v)) < 1.15 * products / target.rates.multiplied
    # Few positions, and few filters, have smaller ones.
    assert fastest_tile(target, 8, 1, each)[0] == 1
    assert fastest_tile(target, 1, 1000, each)[1] == 1
