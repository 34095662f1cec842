"""Bytes looked up in tables of 256: the same bytes in every way that this processor has."""

import numpy as np
import pytest
from llvmlite import ir

from tests.codegen.emitted import floats, run
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.lookup import LOOKUPS, RESULTS
from xdn.codegen.target import TARGETS, cpu_features, lookups_of

#: Every way in the vectors of each target in which this processor can look bytes up.
WAYS = [(target, way) for target in TARGETS for way in lookups_of(target, cpu_features())]


def _in_memory(values):
    return floats(np.ascontiguousarray(values, np.uint8).view(np.float32).ravel(), 16)


@pytest.mark.parametrize(("target", "way"), WAYS, ids=lambda each: getattr(each, "name", each))
def test_each_byte_becomes_its_own_result(rng, target, way):
    """All bytes at all lanes, in tables of any bytes and in one of equal ones."""
    size = target.vector_bytes
    x = np.concatenate([np.roll(np.arange(RESULTS), shift) for shift in (0, 1, 17, 128)])
    for table in rng.integers(0, 256, RESULTS), rng.permutation(RESULTS), np.full(RESULTS, 200):
        table = table.astype(np.uint8)
        packed, read, found = map(_in_memory, (LOOKUPS[way].packed(table, size), x, np.zeros(len(x))))

        def emit(irbuilder, *pointers):
            b, byte = VectorBuilder(irbuilder, target), ir.IntType(8).as_pointer()
            own, source, top = (irbuilder.bitcast(pointer, byte) for pointer in pointers[:3])
            lookup = LOOKUPS[way](b, own)
            for vector in range(len(x) // size):
                lookup.vector(b.offset(source, vector * size), b.offset(top, vector * size))

        run(emit, packed, read, found)
        np.testing.assert_array_equal(found.view(np.uint8)[: len(x)], table[x])
