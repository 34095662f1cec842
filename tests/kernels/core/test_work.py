"""A roofline: the slowest of arithmetic and what is moved, shared by threads."""

from dataclasses import replace

import pytest

from xdn.codegen.rates import USUAL
from xdn.kernels.core.work import ALONE, Handed, Loop, Moved, Others, Phase, Setting, Weights, cycles_of

FIRST, CORE, SHARED, MEMORY = USUAL.levels


def test_arithmetic_hides_what_comes_from_the_cores_own_caches():
    assert Phase(1000.0, (Loop(1000.0, 100.0),)).time(USUAL, ALONE) == 1000.0
    assert Phase(1000.0, (Loop(1e5, 2 * FIRST.bytes),)).time(USUAL, ALONE) == 1e5 / CORE.one


def test_what_comes_from_further_away_is_hidden_in_part():
    far = Loop(800.0, 10 * SHARED.bytes)
    assert 1000.0 < Phase(1000.0, (far,)).time(USUAL, ALONE) < 1000.0 + 800.0 / MEMORY.one


def test_streams_add_up():
    loops = (Loop(1e5, 2 * FIRST.bytes), Loop(1e6, 100.0))
    assert Phase(0.0, loops).time(USUAL, ALONE) == pytest.approx(1e5 / CORE.one + 1e6 / FIRST.one)


def test_weights_are_read_once_for_all_blocks_that_are_taken_at_a_time():
    phase = Phase(0.0, (Weights(1e6),))
    assert phase.time(USUAL, Setting(blocks=4)) == pytest.approx(phase.time(USUAL, ALONE) / 4)
    # They come back when the rest of the net has passed.
    assert phase.time(USUAL, Setting(net_bytes=1e9)) == pytest.approx(1e6 / MEMORY.one)
    assert phase.time(USUAL, ALONE) == pytest.approx(1e6 / SHARED.one)


def test_weights_that_each_member_reads_count_for_each():
    at = Setting(threads=2, members=2)
    shared, by_each = (
        Phase(0.0, (Weights(1e6, by_each=each),)).time(USUAL, at) - USUAL.barrier for each in (False, True)
    )
    assert by_each == pytest.approx(2 * shared) == pytest.approx(1e6 / SHARED.each)
    assert Phase(0.0, (Weights(1e6, by_each=True),)).time(USUAL, ALONE) == pytest.approx(1e6 / SHARED.one)


def test_what_each_member_reads_as_a_whole_is_in_the_others_caches_but_for_a_part():
    def moving(members):
        at = Setting(threads=3, members=members)
        return members * (Phase(0.0, (Others(1e5),)).time(USUAL, at) - (USUAL.barrier if members > 1 else 0.0))

    assert moving(1) == 0.0
    assert moving(3) == pytest.approx(2 * moving(2))
    assert moving(2) > 1e5 / SHARED.each


def test_blobs_of_all_blocks_lie_between_two_uses_and_bands_hold_few_rows():
    phase = Phase(0.0, (Moved(1e5, 2e5),))
    assert phase.time(USUAL, ALONE) == pytest.approx(1e5 / CORE.one)
    assert phase.time(USUAL, Setting(blocks=8)) == pytest.approx(1e5 / SHARED.one)
    assert phase.time(USUAL, Setting(blocks=8, band_bytes=1e5)) == pytest.approx(1e5 / CORE.one)


def test_members_share_the_parts_and_meet():
    phase, at = Phase(900.0, parts=3), Setting(threads=2, members=2)
    assert phase.time(USUAL, at) == pytest.approx(900.0 * 2 / 3 + USUAL.barrier)
    assert replace(phase, parts=1).time(USUAL, at) == pytest.approx(900.0 + USUAL.barrier)
    assert Phase(900.0).time(USUAL, at) == pytest.approx(450.0 + USUAL.barrier)


@pytest.mark.parametrize("kind", [Moved, Handed])
def test_what_the_other_members_wrote_is_in_their_caches(kind):
    """It takes longer than what a cache keeps for all, and no more where only such a cache keeps it."""
    here, there = kind(1e5, 2 * FIRST.bytes), kind(1e5, 2 * CORE.bytes)

    def moving(stream, members):
        return Phase(0.0, (stream,)).time(USUAL, Setting(threads=4, members=members)) * members - (
            USUAL.barrier * members if members > 1 else 0.0
        )

    assert moving(here, 1) == pytest.approx(1e5 / CORE.each)
    assert moving(here, 2) > 1e5 * (0.5 / CORE.each + 0.5 / SHARED.each)
    assert moving(here, 4) > moving(here, 2)
    assert moving(there, 1) == pytest.approx(moving(there, 4)) == pytest.approx(1e5 / SHARED.each)


def test_what_a_phase_hands_to_the_next_does_not_grow_with_the_blocks():
    phase = Phase(0.0, (Handed(1e5, 2 * FIRST.bytes),))
    assert phase.time(USUAL, Setting(blocks=100)) == phase.time(USUAL, ALONE)


def test_threads_that_do_not_share_a_step_share_the_memory():
    phase = Phase(0.0, (Weights(1e9),))
    assert phase.time(USUAL, Setting(threads=2)) == pytest.approx(1e9 / MEMORY.each)


def test_phases_follow_each_other_after_a_call():
    phase = Phase(1000.0)
    assert cycles_of([phase, phase], USUAL, ALONE) - cycles_of([phase], USUAL, ALONE) == 1000.0
    assert cycles_of([], USUAL, ALONE) > 0
