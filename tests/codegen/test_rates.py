"""What a core multiplies in a cycle, and which cache keeps so many bytes."""

from xdn.codegen.rates import USUAL, Rates
from xdn.element import BF16, F32, S8, U8


def test_the_nearest_cache_that_keeps_them():
    first, core, shared, memory = USUAL.levels
    assert USUAL.level(1000, 1) is first
    # A part of a cache is taken by what passes beside.
    assert USUAL.level(first.bytes, 1) is core
    assert USUAL.level(core.bytes, 1) is shared
    assert USUAL.level(10 * shared.bytes, 1) is memory


def test_threads_have_parts_of_a_shared_cache():
    *_, shared, memory = USUAL.levels
    half = 0.5 * shared.bytes
    assert USUAL.level(half, 1) is shared
    assert USUAL.level(half, 2) is memory
    # More threads than share it do not make the parts smaller.
    assert USUAL.level(shared.bytes / 4, 64) is shared
    # What all read is there once.
    assert USUAL.level_of_all(half) is shared
    assert USUAL.level_of_all(shared.bytes) is memory


def test_a_step_takes_what_takes_longest():
    rates = Rates(multiplied=2.0, latency=4.0)
    assert [rates.step(*tile) for tile in ((2, 3), (5, 2), (5, 2, 7.0))] == [4.0, 5.0, 7.0]


def test_products_of_each_element_have_a_rate():
    rates = Rates(multiplied=1.0, dots=2.0, pairs=3.0)
    assert [rates.products(element) for element in (F32, U8, S8, BF16)] == [1.0, 2.0, 2.0, 3.0]
