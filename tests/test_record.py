"""Dataclasses from JSON values."""

import json
from dataclasses import asdict, dataclass

import pytest

from xdn.errors import DataError
from xdn.evaluate.record import rebuilt


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
    none: Inner | None = None


VALUE = Outer(3, 0.5, True, None, Inner("a", ((1, 2),)), (Inner("b", ()), Inner("c", ((3, 4), (5, 6)))))


def document(**changes):
    return json.loads(json.dumps(asdict(VALUE))) | changes


def test_what_was_written_is_read():
    assert rebuilt(Outer, document()) == VALUE
    assert rebuilt(Outer, document(further=1)) == VALUE
    # JSON of other programs may leave out the point of a whole number.
    assert rebuilt(Outer, document(share=2)).share == 2.0


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"count": "3"}, "count: '3' is not of the type int"),
        ({"count": True}, "count: True is not of the type int"),
        ({"flag": 1}, "flag: 1 is not of the type bool"),
        ({"maybe": "x"}, "maybe: 'x' is not of the type float"),
        ({"maybe": 10**400}, "maybe: 1000.* is not of the type float"),
        ({"inner": {"name": "a"}}, r"inner\.pairs: the field is missing"),
        ({"inner": {"name": "a", "pairs": [[1, 2, 3]]}}, r"inner\.pairs\[0\]: \[1, 2, 3\] is not of the type"),
        ({"many": [4]}, r"many\[0\]: 4 is not of the type Inner"),
    ],
)
def test_what_does_not_fit_is_named(changes, where):
    with pytest.raises(DataError, match=where):
        rebuilt(Outer, document(**changes))
