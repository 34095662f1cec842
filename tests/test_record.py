"""Dataclasses from JSON values."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pytest

from xdn.errors import DataError, SettingError
from xdn.record import Reader

RESULTS = Reader(DataError, whole=True)


@dataclass(frozen=True)
class Inner:
    """A part."""

    name: str
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Outer:
    """Every kind of field."""

    count: int
    share: float
    flag: bool
    maybe: float | None
    inner: Inner
    many: tuple[Inner, ...]
    named: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    none: Inner | None = None


VALUE = Outer(
    3, 0.5, True, None, Inner("a", ((1, 2),)), (Inner("b", ()), Inner("c", ((3, 4), (5, 6)))), {"x": (1, 2, 3)}
)


def document(**changes):
    return json.loads(json.dumps(asdict(VALUE))) | changes


def test_what_was_written_is_read():
    assert RESULTS.read(Outer, document()) == VALUE
    assert RESULTS.read(Outer, document(further=1)) == VALUE
    # JSON of other programs may leave out the point of a whole number.
    assert RESULTS.read(Outer, document(share=2)).share == 2.0


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"count": "3"}, "count: '3' is not a whole number"),
        ({"many": ()}, "many: .* is not a list of the right length"),
        ({"count": True}, "count: True is not a whole number"),
        ({"flag": 1}, "flag: 1 is not true or false"),
        ({"maybe": "x"}, "maybe: 'x' is not a number"),
        ({"maybe": 10**400}, "maybe: 1000.* is not a number"),
        ({"inner": {"name": "a"}}, r"inner\.pairs: the field is missing"),
        (
            {"inner": {"name": "a", "pairs": [[1, 2, 3]]}},
            r"inner\.pairs\[0\]: \[1, 2, 3\] is not a list of the right length",
        ),
        ({"named": {"x": [1, "2"]}}, r"named\.x\[1\]: '2' is not a whole number"),
        ({"named": [1]}, r"named: \[1\] is not a JSON object"),
        ({"many": [4]}, r"many\[0\]: 4 is not a JSON object"),
    ],
)
def test_what_does_not_fit_is_named(changes, where):
    with pytest.raises(DataError, match=where):
        RESULTS.read(Outer, document(**changes))


def test_of_results_every_field_is_there():
    found = document()
    del found["none"]
    with pytest.raises(DataError, match=r"^none: the field is missing$"):
        RESULTS.read(Outer, found)


def test_of_settings_those_at_their_default_may_be_left_out_and_unknown_ones_may_not():
    found = document()
    del found["none"], found["named"]
    assert Reader(SettingError).read(Outer, found) == replace(VALUE, named={})
    with pytest.raises(SettingError, match=r"^s\.further: unknown field\. Known: count, share"):
        Reader(SettingError).read(Outer, document(further=1), "s")
    del found["count"]
    with pytest.raises(SettingError, match=r"^s\.count: the field is missing$"):
        Reader(SettingError).read(Outer, found, "s")


def test_a_lenient_reader_needs_what_has_no_default_and_passes_over_the_rest():
    document = json.loads(json.dumps(asdict(VALUE)))
    del document["named"], document["none"]
    lenient = Reader(DataError, lenient=True)
    assert lenient.read(Outer, document | {"further": 1}) == replace(VALUE, named={})
    del document["count"]
    with pytest.raises(DataError, match="count: the field is missing"):
        lenient.read(Outer, document)


@dataclass(frozen=True)
class Loose:
    """A field that may be anything."""

    anything: Any


def test_what_may_be_anything_is_taken_as_it_is():
    assert RESULTS.read(Loose, {"anything": [1, {"a": None}]}) == Loose([1, {"a": None}])
