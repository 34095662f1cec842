"""Which cache keeps so many bytes."""

from xdn.codegen.rates import USUAL


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
