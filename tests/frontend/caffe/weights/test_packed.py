"""Integers of few bits in bytes: where each lies, and that every one comes back."""

import numpy as np
import pytest

from xdn.frontend.caffe.weights.packed import packed, packed_bytes, unpacked
from xdn.graph.quantized import weight_range


@pytest.mark.parametrize("bits", range(1, 8))
def test_every_integer_comes_back(bits):
    low, high = weight_range(bits)
    every = np.arange(low, high + 1, 2 if bits == 1 else 1).astype(np.int8)
    for count in (0, 1, 5, 8, 13, (1 << 17) + 3):
        integers = np.resize(every, (1, count))
        data = packed(integers, bits)
        assert data.size == packed_bytes(count, bits) == (count * bits + 7) // 8
        found = unpacked(data, (1, count), bits)
        assert found.dtype == np.int8
        np.testing.assert_array_equal(found, integers)


def test_integers_lie_from_the_lowest_bit_on():
    assert packed(np.array([1, -1, -1, 1], np.int8), 1).tolist() == [0b1001]
    assert packed(np.array([[-8, 7], [1, 0]], np.int8), 4).tolist() == [0x78, 0x01]
    # -3, 2, 1 in three bits are 101, 010 and 001.
    assert packed(np.array([-3, 2, 1], np.int8), 3).tolist() == [0b01_010_101, 0b0]
