"""Tables of tiles: where their inputs and results lie; units of positions."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tests.kernels.checks import B
from tests.kernels.winograd.lowering import lowering_of
from xdn.codegen.target import host_target
from xdn.kernels.winograd.tiles import Unit, tile_tables
from xdn.kernels.winograd.transform import WINOGRAD


@pytest.mark.parametrize("pad", [(0, 0), (1, 1), (2, 2), (0, 2)])
@pytest.mark.parametrize("size", [(4, 4), (5, 9), (8, 6)])
def test_tables_name_each_tile_s_offsets(outputs, size, pad):
    algorithm = WINOGRAD[outputs]
    lowering = lowering_of((3, *size), num_output=5, pad=pad)
    bottom, top = lowering.bottom(), lowering.top()
    inputs, results = tile_tables(lowering, algorithm)
    found = set()
    corners = product(range(0, top.height, outputs), range(0, top.width, outputs))
    for (p, q), read, written in zip(corners, inputs, results, strict=True):
        for number, (i, j) in enumerate(product(range(algorithm.inputs), repeat=2)):
            h, w = p + i - pad[0], q + j - pad[1]
            inside = 0 <= h < bottom.height and 0 <= w < bottom.width
            assert read[number] == ((h * bottom.width + w) * 3 * B if inside else -1)
        for number, (i, j) in enumerate(product(range(outputs), repeat=2)):
            inside = p + i < top.height and q + j < top.width
            assert written[number] == (((p + i) * top.width + q + j) * 5 * B if inside else -1)
        found |= set(written) - {-1}
    # Every position is written.
    assert found == {position * 5 * B for position in range(top.positions)}
    assert inputs.dtype == results.dtype == np.int64
    assert inputs.flags.c_contiguous
    assert results.flags.c_contiguous


@pytest.mark.parametrize(("cache", "positions"), [(0, 3), (4 << 20, 4), (6 << 20, 6)])
def test_a_unit_fills_half_of_the_cache(outputs, cache, positions):
    """Three positions at least; of a position V and M take a quarter of a MiB each."""
    algorithm = WINOGRAD[outputs]
    pitch = (1 << 16) // algorithm.elements
    unit = Unit(algorithm, replace(host_target(), core_cache_bytes=cache), pitch, pitch, least=3)
    assert unit.positions == positions
    scratch = positions * algorithm.elements * pitch
    assert unit.fields() == {"unit": positions, "v": scratch, "m": scratch, "v_pitch": pitch, "m_pitch": pitch}
