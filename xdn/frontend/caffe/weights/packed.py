"""Integers of few bits in bytes, without gaps: the first in the lowest bits of the first byte.

An integer of 2 bits and more is its two's complement; of one bit, 1 stands for 1 and 0 for -1. What is left of the last
byte is 0.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from xdn.graph import Array, Shape

#: Integers whose bits lie in a byte each at a time; so many begin and end with whole bytes.
_PART = 1 << 16


def packed_bytes(count: int, bits: int) -> int:
    """Return in how many bytes so many integers are packed."""
    return -(-count * bits // 8)


def packed(integers: Array, bits: int) -> Array:
    """Return (bytes,) u8 that hold int8 integers, row after row; each fits into `bits`, 1 to 7."""
    flat = np.ascontiguousarray(integers).reshape(-1)
    data = np.empty(packed_bytes(flat.size, bits), np.uint8)
    for some, own in _parts(flat, data, bits):
        stored = some > 0 if bits == 1 else some
        planes = stored.astype(np.uint8)[:, None] >> np.arange(bits, dtype=np.uint8) & 1
        own[:] = np.packbits(planes.reshape(-1), bitorder="little")
    return data


def unpacked(data: Array, shape: Shape, bits: int) -> Array:
    """Return int8 of `shape`, the integers in bytes (u8), as many as `packed_bytes` says."""
    integers = np.empty(prod(shape), np.int8)
    places = np.array([*(1 << place for place in range(bits - 1)), -(1 << bits - 1)], np.int8)
    for some, own in _parts(integers, data, bits):
        planes = np.unpackbits(own, count=some.size * bits, bitorder="little").reshape(-1, bits).view(np.int8)
        some[:] = 2 * planes[:, 0] - 1 if bits == 1 else planes @ places
    return integers.reshape(shape)


def _parts(integers: Array, data: Array, bits: int) -> Iterator[tuple[Array, Array]]:
    """Yield views of some integers after others, and of the bytes that hold them."""
    for first in range(0, integers.size, _PART):
        some, begin = integers[first : first + _PART], first * bits // 8
        yield some, data[begin : begin + packed_bytes(some.size, bits)]
