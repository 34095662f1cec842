"""Integers of few bits in bytes, without gaps: the first in the lowest bits of the first byte.

An integer of 2 bits and more is its two's complement; of one bit, 1 stands for 1 and 0 for -1. What is left of the last
byte is 0.
"""

import numpy as np

from xdn.graph import Array


def packed_bytes(count: int, bits: int) -> int:
    """Return in how many bytes so many integers are packed."""
    return -(-count * bits // 8)


def packed(integers: Array, bits: int) -> Array:
    """Return (bytes,) u8 that hold int8 integers, row after row; each fits into `bits`, 1 to 7."""
    flat = np.ascontiguousarray(integers).reshape(-1)
    flat = flat > 0 if bits == 1 else flat
    planes = flat.astype(np.uint8)[:, None] >> np.arange(bits, dtype=np.uint8) & 1
    return np.packbits(planes.reshape(-1), bitorder="little")


def unpacked(data: Array, count: int, bits: int) -> Array:
    """Return (count,) int8, the integers in bytes (u8), as many as `packed_bytes` says."""
    planes = np.unpackbits(data, count=count * bits, bitorder="little").reshape(count, bits).view(np.int8)
    if bits == 1:
        return 2 * planes[:, 0] - np.int8(1)
    found = -planes[:, -1]
    for plane in reversed(range(bits - 1)):
        found = 2 * found + planes[:, plane]
    return found
