"""Change valid inputs: the same seed and number give the same bytes, on every machine."""

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from xdn.frontend.wire import encode_varint

if TYPE_CHECKING:
    from tools.fuzz.targets import Target

#: No input is longer, in bytes.
MOST_BYTES = 1 << 16
#: The share of inputs that are given the right checksums.
_REPAIRED = 0.8
#: The most changes of one input.
_MOST_CHANGES = 8

_EDGES = tuple(1 << bits for bits in (7, 8, 15, 16, 24, 31, 32, 63, 64))
NUMBERS = tuple(sorted({0, 1, 2, 3, 10, 100, *(edge + off for edge in _EDGES for off in (-1, 0, 1))}))
_TEXTS = tuple(text.encode() for text in f"-1 0x 0x{'f' * 30} 1e39 -1e400 .5 1. nan -inf 00 08 {'1' * 400}".split())
_NUMBER = re.compile(rb"[0-9]+")
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*|[^\s]")

Change = Callable[["Mutator", bytearray, Random], None]


def how_many(rng: Random) -> int:
    """Return how many changes are made of an input, mostly one."""
    return rng.randrange(1, _MOST_CHANGES + 1) if rng.random() < 0.5 else 1


def _span(content: bytearray, rng: Random, longest: int = 64) -> tuple[int, int]:
    """Return where a part of the content starts and ends, mostly a short one."""
    start = rng.randrange(len(content) + 1)
    length = rng.randrange(1, longest if rng.random() < 0.8 else len(content) + 2)
    return start, min(start + length, len(content))


def _flip(_: "Mutator", content: bytearray, rng: Random) -> None:
    """Flip a bit."""
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _set(_: "Mutator", content: bytearray, rng: Random) -> None:
    """Set a byte."""
    if content:
        content[rng.randrange(len(content))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _cut(_: "Mutator", content: bytearray, rng: Random) -> None:
    """Take a part out."""
    start, stop = _span(content, rng)
    del content[start:stop]


def _truncate(_: "Mutator", content: bytearray, rng: Random) -> None:
    """Cut off the end."""
    del content[rng.randrange(len(content) + 1) :]


def _copy(_: "Mutator", content: bytearray, rng: Random) -> None:
    """Insert a part, or write it over another."""
    start, stop = _span(content, rng, 256)
    at = rng.randrange(len(content) + 1)
    content[at : at + (stop - start) * rng.randrange(2)] = content[start:stop]


def _repeat(_: "Mutator", content: bytearray, rng: Random) -> None:
    """Repeat a part often."""
    start, stop = _span(content, rng)
    content[stop:stop] = content[start:stop] * rng.choice((1, 2, 10, 300))


def _splice(mutator: "Mutator", content: bytearray, rng: Random) -> None:
    """Go on with, or insert a part of, another seed."""
    other = bytearray(rng.choice(mutator.seeds))
    start, stop = _span(other, rng, 256)
    at = rng.randrange(len(content) + 1)
    if rng.random() < 0.5:
        content[at:] = other[start:]
    else:
        content[at:at] = other[start:stop]


def _integer(_: "Mutator", content: bytearray, rng: Random) -> None:
    """Write an integer of some width over what is there, or a varint beside it."""
    number, at = rng.choice(NUMBERS), rng.randrange(len(content) + 1)
    form = rng.choice("BHIQv")
    if form == "v":
        content[at : at + rng.randrange(3)] = encode_varint(number)
    else:
        packed = struct.pack(rng.choice("<>") + form, number % (1 << 8 * struct.calcsize(form)))
        content[at : at + len(packed)] = packed


def _next(pattern: re.Pattern[bytes], content: bytearray, rng: Random) -> tuple[int, int] | None:
    """Return where the next match of a pattern begins and ends, from anywhere on."""
    found = pattern.search(content, rng.randrange(len(content) + 1))
    return None if found is None else found.span()


def _word(mutator: "Mutator", content: bytearray, rng: Random) -> None:
    """Put a word in the place of another, or between two."""
    start, stop = _next(_WORD, content, rng) or (0, 0)
    if rng.random() < 0.3:
        start = stop
    content[start:stop] = rng.choice(mutator.words) + b" " * rng.randrange(2)


def _number(_: "Mutator", content: bytearray, rng: Random) -> None:
    """Put a number in the place of another."""
    if (found := _next(_NUMBER, content, rng)) is not None:
        start, stop = found
        content[start:stop] = rng.choice(_TEXTS) if rng.random() < 0.3 else str(rng.choice(NUMBERS)).encode()


def _line(_: "Mutator", content: bytearray, rng: Random) -> None:
    """Leave out a line, or let it stand twice or somewhere else."""
    lines = content.split(b"\n")
    line = lines.pop(rng.randrange(len(lines)))
    for _ in range(rng.randrange(3)):
        lines.insert(rng.randrange(len(lines) + 1), line)
    content[:] = b"\n".join(lines)


_BINARY: tuple[Change, ...] = (_flip, _flip, _set, _set, _cut, _truncate, _copy, _repeat, _splice, _integer, _integer)
_TEXT: tuple[Change, ...] = (_flip, _cut, _truncate, _copy, _repeat, _splice, *(_word,) * 3, _number, _number, _line)


@dataclass(frozen=True)
class Mutator:
    """Inputs for one target.

    Parameters
    ----------
    target : Target
    seeds, words : sequence of bytes
        The target's.
    """

    target: "Target"
    seeds: Sequence[bytes]
    words: Sequence[bytes]

    @classmethod
    def of(cls, target: "Target") -> "Mutator":
        """Return the mutator for `target`."""
        return cls(target, target.seeds(), target.words())

    def input(self, seed: int, number: int) -> bytes:
        """Return input `number` of the campaign `seed`; the first ones are the target's own seeds."""
        if number < len(self.seeds):
            return self.seeds[number]
        rng = Random(f"{self.target.name}/{seed}/{number}")
        if self.target.made is not None:
            return self.target.made(rng)
        content = bytearray(rng.choice(self.seeds))
        for _ in range(how_many(rng)):
            rng.choice(_TEXT if self.words else _BINARY)(self, content, rng)
            del content[MOST_BYTES:]
        return self.target.repaired(bytes(content)) if rng.random() < _REPAIRED else bytes(content)
