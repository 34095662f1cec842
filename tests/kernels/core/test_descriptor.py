"""Descriptors: what Python puts into them is what a kernel reads."""

import numpy as np
import pytest

from tests.codegen.kernels import call
from xdn.codegen.cache import KernelCache
from xdn.codegen.intrinsics import argument_at, at, at_element, atomic_add, moved, same_place, words_at
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.native import address
from xdn.codegen.source import KernelSource
from xdn.element import F64, REAL, S64, U8
from xdn.kernels.core.descriptor import Cell, Descriptor, Number, Place, Pointer, Scratch, Size, Table, redeclared
from xdn.kernels.core.frame import Frame, kernel_source


class Sum(Descriptor):
    x, y = Place(), Place()
    count, first = Size(), Size()
    factors = Pointer()
    order = Pointer(S64)
    room = Scratch()


class Longer(Sum):
    rest = Size()


class Pair(Descriptor):
    first, second = Size(), Size()


class Triple(Pair):
    third = Size()


class Paired(Descriptor):
    count = Size()
    rows = Table(Pair)
    y = Place()


class Tripled(Paired):
    rows = Table(Triple)


def test_words_blobs_and_memory_are_told_apart():
    factors, order = np.float32([2, 3]), np.int64([1, 0])
    made = Sum(x="a", y="b", count=2, factors=factors, order=order, room=64)
    assert made.words.tolist() == [0, 0, 2, 0, address(factors), address(order), 0]
    assert made.blobs == {Sum.x.slot: "a", Sum.y.slot: "b"}
    assert made.scratch == {Sum.room.slot: 64 * 4}
    assert [array is given for array, given in zip(made.keep, (factors, order), strict=True)] == [True, True]
    assert (made.count, made.first) == (2, 0)


def test_an_address_given_as_a_number_is_kept_by_others():
    array = np.zeros(3, np.float32)
    made = Sum(factors=address(array) + 4)
    assert made.keep == ()
    assert made.factors == address(array) + 4


def test_a_blob_that_there_is_not_takes_no_place():
    assert Sum(x=None, room=0).blobs == Sum(room=0).scratch == {}


def test_fields_follow_those_of_the_class_above():
    assert list(Longer.kinds) == [*Sum.kinds, "rest"]
    assert Longer.rest.slot == len(Sum.kinds)
    assert Sum.count.slot == 2


def test_an_unknown_field_is_refused():
    with pytest.raises(KeyError):
        Sum(size=1)


@pytest.fixture
def loader(tmp_path):
    return KernelLoader(KernelCache(tmp_path))


def _run(loader, body, made, arena, *arrays):
    """Run a body with the blobs of `made` one after the other in `arena`, 4 values each."""
    words = made.words.copy()
    for number, slot in enumerate(made.blobs):
        words[slot] = 16 * number
    frame = np.zeros(Frame.io.slot + len(arrays), np.int64)
    frame[Frame.arena.slot], frame[Frame.blocks.slot] = address(arena), 1
    frame[Frame.io.slot :] = [address(array) for array in arrays]
    name = KernelName(body.__name__, "portable")
    source = kernel_source(name, lambda: body, type(made))
    call(loader.address(source), words, frame)


def test_a_kernel_reads_the_fields_by_name(loader):
    def ordered(d, frame):
        x, y, order = at(frame, d.x), at_element(frame, d.y, d.first), d.order
        for i in range(d.count * frame.blocks):
            y[i] = x[order[i]] * moved(d.factors, 1)[i]

    arena = np.float32([1, 2, 3, 4, 0, 0, 0, 0])
    factors, order = np.float32([0, 10, 100]), np.int64([3, 1])
    _run(loader, ordered, Sum(x="x", y="y", count=2, first=2, factors=factors, order=order), arena)
    np.testing.assert_array_equal(arena, [1, 2, 3, 4, 0, 0, 40, 200])


def test_a_kernel_knows_whether_blobs_share_a_place_and_finds_the_callers_arrays(loader):
    def told(d, frame):
        y = argument_at(frame, d.count, d.y)
        y[0] = 1 if same_place(d.x, d.y) else 2
        y[1] = 1 if same_place(d.x, d.x) else 2

    arena, first, second = np.zeros(8, np.float32), np.zeros(2, np.float32), np.zeros(2, np.float32)
    _run(loader, told, Sum(x="x", y="y", count=1), arena, first, second)
    assert (first.tolist(), second.tolist()) == ([0, 0], [2, 1])


@pytest.mark.parametrize("words", [Paired, Tripled], ids=lambda words: words.__name__)
def test_a_kernel_reads_rows_of_a_table_by_name(loader, words):
    """A class below may declare longer rows in the same word."""

    def differences(d, frame):
        y = argument_at(frame, 0, d.y)
        for i in range(d.count):
            row = d.rows[i]
            y[i] = row.second - row.first

    assert words.rows.slot == 1
    rows = np.int64([[1, 5, 0], [2, 9, 0], [3, 3, 0]])[:, : len(words.rows.row.fields)].copy()
    made, found = words(count=3, rows=rows), np.zeros(3, np.float32)
    assert made.keep[0] is rows
    _run(loader, differences, made, np.zeros(1, np.float32), found)
    assert found.tolist() == [4, 7, 0]


@pytest.mark.parametrize("rows", [np.zeros((2, 3), np.int64), np.zeros((2, 2), np.int32), np.zeros(2, np.int64)])
def test_a_table_of_other_rows_is_refused(rows):
    with pytest.raises(AssertionError):
        Paired(rows=rows)


class Letter(Descriptor):
    changed = Cell()
    half, third = Number(), Number(F64)
    watched = Cell(new_line=True)
    count = Size()


class Holder(Descriptor):
    letter = Size()
    found = Pointer(F64)


letter_at = words_at(Letter)


def test_words_that_begin_a_cache_line():
    assert Letter.slots == {"changed": 0, "half": 1, "third": 2, "watched": 8, "count": 9}
    assert len(Letter().words) == Letter.size == 10


def test_numbers_are_rounded_to_their_element():
    letter = Letter(half=0.1, third=0.1)
    assert (letter.half, letter.third) == (float(np.float32(0.1)), 0.1)
    letter.half = 0.5
    assert letter.half == 0.5


def test_a_kernel_changes_words_and_finds_them_by_their_address(loader):
    def told(d, frame):
        letter = letter_at(d.letter)
        atomic_add(letter.watched, 0, 5)
        letter.changed[0] = letter.count
        letter.count = 9
        d.found[0], d.found[1] = letter.half, letter.third
        # Plain words are asked for: the second is the number of blocks.
        atomic_add(frame, 1, 6)
        d.found[2] = frame.blocks

    letter, found = Letter(half=0.1, third=0.1, count=4), np.zeros(3)
    _run(loader, told, Holder(letter=address(letter.words), found=found), np.zeros(8, np.float32))
    assert found.tolist() == [float(np.float32(0.1)), 0.1, 7]
    assert (letter.changed, letter.watched, letter.count) == (4, 5, 9)


def test_plain_words_remain_words(loader):
    def add(words, frame):
        frame[0] = words[0] + words[1]

    frame = np.zeros(1, np.int64)
    source = KernelSource(KernelName("addwords", "portable"), lambda: add)
    call(loader.address(source), np.int64([2, 5]), frame)
    assert frame[0] == 7


def test_words_of_another_element_are_one_class_however_often_they_are_asked_for():
    again = redeclared(Sum, U8, Place, "x")
    assert redeclared(Sum, U8, Place, "x") is again
    assert again.fields["x"].kind == Place(U8).kind
    assert again.fields["y"].kind == Sum.fields["y"].kind
    assert redeclared(Sum, U8, Place, "y") is not again
    assert redeclared(Sum, REAL, Place, "x") is Sum
