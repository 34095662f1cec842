"""What threads note: the first slices, in their order, and how many there was no room for."""

import numpy as np

from xdn.kernels.core.stopwatch import NOTHING, Noted, Notes, Slice, Stopwatch


def _watch(begun, room):
    watch = Stopwatch.of(np.zeros(2, np.int64), room)
    watch.keep[1][:] = np.arange(room)[:, None]
    watch.begun = begun
    return watch


def test_what_is_noted_is_kept_as_it_was():
    watches = [_watch(2, 3), _watch(5, 3)]
    noted = Noted.of(watches)
    for watch in watches:
        watch.keep[1].fill(-1)
    assert [slices[:, Slice.step.slot].tolist() for slices in noted.slices] == [[0, 1], [0, 1, 2]]
    assert noted.lost == 2


def test_rounds_follow_each_other():
    notes = Notes(most=7)
    for number, watches in enumerate([[_watch(2, 2), _watch(1, 1)], [_watch(3, 2)], [_watch(9, 3)], [_watch(1, 1)]]):
        notes.add(Noted.of(watches), first_image=10 * number)
    slices, lost = notes.noted()
    # The third round finds no room; the last one does.
    assert [own[:, Slice.first_image.slot].tolist() for own in slices] == [[0, 1, 10, 11, 30], [0]]
    assert [own[:, Slice.begin.slot].tolist() for own in slices] == [[0, 1, 0, 1, 0], [0]]
    assert lost == 1 + 9


def test_nothing_is_noted_in_no_round():
    assert Notes(3).noted() == NOTHING
