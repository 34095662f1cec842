"""Long lists of numbers in JSON, read and written piece by piece: neither makes a Python object of each number at once.

A tensor as JSON is a list of up to millions of numbers. Read by `json` it would take many times its memory, and the
interpreter for as long. Here such lists are cut out of the text first; the rest is small. Between two pieces other
threads run.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from xdn import settings
from xdn.serve.datatypes import to_values
from xdn.serve.messages import BadRequestError, Tensor, TooLargeError

#: Bytes of text, and values of an array, that are read, or written, at a time.
_PIECE_BYTES, _PIECE_VALUES = 1 << 16, 1 << 13
#: Where a list of anything but texts begins that is the value of "data". Outside of texts only: a quote in a text has a
#: backslash before it, so that the second one here would end that text.
_DATA = re.compile(rb'"data"\s*:\s*(?=\[[\s\[]*[^\s\["])')
_BRACKETS_AS_SPACES = bytes.maketrans(b"[]", b"  ")


@dataclass(frozen=True)
class Numbers:
    """A list of numbers, or of lists of them, as it stands in a text.

    Parameters
    ----------
    text : bytes or bytearray
    start, stop : int
        What is between its outer brackets.
    """

    text: bytes | bytearray
    start: int
    stop: int

    def pieces(self) -> Iterator[list[Any]]:
        """Give its values in order, some thousands at a time; BadRequestError where it is not JSON."""
        at, end = self.start, -1
        while end < self.stop:
            end = self._end_of_piece(at)
            values = self._values(at, end)
            if not values and (at, end) != (self.start, self.stop):
                raise BadRequestError("a list of numbers ends with a comma", where=f"byte {end}")
            yield values
            at = end + 1

    def _end_of_piece(self, at: int) -> int:
        """Return where the last comma of the piece stands that begins at `at`, or the end of the list."""
        if self.stop - at <= _PIECE_BYTES:
            return self.stop
        end = self.text.rfind(b",", at, at + _PIECE_BYTES)
        if end < 0:
            raise BadRequestError(f"a number has more than {_PIECE_BYTES} characters", where=f"byte {at}")
        return end

    def _values(self, at: int, end: int) -> list[Any]:
        piece = self.text[at:end].translate(_BRACKETS_AS_SPACES)
        try:
            values: list[Any] = json.loads(b"[" + piece + b"]")
        except (ValueError, RecursionError):
            raise BadRequestError("this is not a list of numbers in JSON", where=f"bytes {at} to {end}") from None
        return values


def parsed(text: bytes | bytearray) -> tuple[Any, tuple[Numbers, ...]]:
    """Return what a JSON text says, and its lists of numbers: each is in the former ``[i]``, its index in the latter.

    Raises
    ------
    BadRequestError
        Where it is not JSON.
    TooLargeError
        For more such lists than `settings.MAX_REQUEST_TENSORS`, or more of anything else than
        `settings.MAX_REQUEST_JSON_BYTES`.
    """
    kept: list[bytes | bytearray] = []
    found: list[Numbers] = []
    at = 0
    while data := _DATA.search(text, at):
        if len(found) == settings.MAX_REQUEST_TENSORS:
            raise TooLargeError(f"more than {settings.MAX_REQUEST_TENSORS} lists of data")
        numbers = Numbers(text, data.end() + 1, _closing(text, data.end()))
        kept += text[at : data.end()], b"[%d]" % len(found)
        found.append(numbers)
        at = numbers.stop + 1
    size = sum(map(len, kept)) + len(text) - at
    if size > settings.MAX_REQUEST_JSON_BYTES:
        mend = "Send tensors in the binary form"
        raise TooLargeError(
            f"{size} bytes of JSON beside lists of numbers; at most {settings.MAX_REQUEST_JSON_BYTES} are read",
            mend=mend,
        )
    try:
        return json.loads(b"".join((*kept, text[at:]))), tuple(found)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the body is not JSON: {str(error)[:100]}") from None


def _closing(text: bytes | bytearray, at: int) -> int:
    """Return where the bracket stands that closes the list that begins at `at`."""
    depth = 0
    for start in range(at, len(text), _PIECE_BYTES):
        piece = np.frombuffer(text, np.uint8, min(_PIECE_BYTES, len(text) - start), start)
        steps = (piece == ord("[")).astype(np.int64) - (piece == ord("]"))
        depths = depth + np.cumsum(steps)
        closed = np.flatnonzero(depths == 0)
        if closed.size:
            return start + int(closed[0])
        depth = int(depths[-1])
    raise BadRequestError("the body is not JSON: a list does not end", where=f"byte {at}")


def written(tensor: Tensor) -> Iterator[bytes]:
    """Give the list of a tensor's values as JSON, in parts."""
    flat = tensor.data.reshape(-1)
    yield b"["
    for start in range(0, len(flat), _PIECE_VALUES):
        piece = Tensor(tensor.name, tensor.datatype, flat[start : start + _PIECE_VALUES])
        values = json.dumps(to_values(piece), separators=(",", ":"))[1:-1].encode()
        yield b"," + values if start else values
    yield b"]"
