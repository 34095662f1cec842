"""What Numba knows of kernels' words, and of the functions that they call."""

import pytest
from numba.core import types

from xdn.codegen import numba_types
from xdn.codegen.jit import I64, POINTER, VOID, Kind, jitable, undeclared
from xdn.element import BF16, ELEMENTS, F32, S64, U8
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size, Table


class Row(Descriptor):
    first, second = Size(), Size()


class Told(Descriptor):
    count = Size()
    factors = Pointer()
    rows = Table(Row)


class Longer(Told):
    rest = Size()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (VOID, types.void),
        (I64, types.int64),
        (Kind(F32), types.float32),
        (POINTER, types.CPointer(types.float32)),
        (Kind(U8, "pointer"), types.CPointer(types.uint8)),
        (Kind(S64, "cell"), types.CPointer(types.int64)),
        (Kind(BF16, "pointer"), types.CPointer(types.uint16)),
    ],
)
def test_a_kind_has_a_type(kind, expected):
    assert numba_types.type_of(kind) == expected


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=lambda element: element.name)
def test_a_place_is_known_by_its_element(element):
    place = numba_types.type_of(Kind(element, "place"))
    assert place.element == element
    others = [each for each in ELEMENTS.values() if each != element]
    assert all(place != numba_types.type_of(Kind(each, "place")) for each in others)
    assert numba_types.pointer_to(element) == numba_types.type_of(Kind(element, "pointer"))


def test_words_are_told_apart_by_what_they_declare():
    assert numba_types.words_type(Told) == numba_types.words_type(Told)
    assert numba_types.words_type(Told) != numba_types.words_type(Longer)
    assert numba_types.words_type(None) == types.CPointer(types.int64)
    assert numba_types.type_of(Told.kinds["rows"]).row == numba_types.words_type(Row)


def test_what_was_declared_is_told_once():
    @jitable
    def twice(x):
        return 2 * x

    assert undeclared
    numba_types.declare()
    assert not undeclared
    numba_types.declare()
