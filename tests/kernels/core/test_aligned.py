"""Aligned memory: where arrays begin, that they are zero and apart from each other, and given back."""

import gc
import mmap
import weakref
from itertools import pairwise

import numpy as np
import pytest

from xdn.codegen.native import address
from xdn.kernels.core import aligned as memory
from xdn.kernels.core.aligned import aligned, aligned_bytes, aligned_vectors

SIZES = [1, 64, 5000, 64 << 10, 100_001, 1 << 20, 4 << 20, (4 << 20) + 1, 9 << 20]


@pytest.fixture(params=["large pages", "small pages", "no such pages"])
def pages(request, monkeypatch):
    """Run a test with large pages if the system has them, with none, and where the system refuses them."""
    if request.param != "large pages":
        monkeypatch.setattr(memory, "_LARGE_PAGES", None if request.param == "small pages" else 1 << 20)


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("alignment", [64, 4096])
def test_arrays_are_aligned_zero_and_apart(alignment):
    made = [aligned_bytes(size, alignment) for size in SIZES * 2]
    assert [array.nbytes for array in made] == SIZES * 2
    for array in made:
        assert address(array) % alignment == 0
        assert not array.any()
        array[:] = 1
    places = sorted((address(array), array.nbytes) for array in made)
    assert all(begin + size <= after for (begin, size), (after, _) in pairwise(places))


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="the system has no large pages")
@pytest.mark.parametrize("size", [1 << 20, 5 << 20])
def test_memory_is_given_back_when_no_array_refers_to_it(size, monkeypatch):
    given = []

    class Mapping(mmap.mmap):
        """One that can be referred to weakly."""

        def __new__(cls, *args, **options):
            made = super().__new__(cls, *args, **options)
            given.append(weakref.ref(made))
            return made

    monkeypatch.setattr(memory.mmap, "mmap", Mapping)
    monkeypatch.setattr(memory, "_rest", np.empty(0, np.uint8))
    made = aligned_bytes(size, 64)
    assert len(given) == 1
    # The latest region waits for further arrays; the next one takes its place.
    memory._rest = np.empty(0, np.uint8)
    assert given[0]() is not None
    del made
    gc.collect()
    assert given[0]() is None


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="the system has no large pages")
def test_memory_that_is_not_there_is_the_error_that_numpy_has(monkeypatch):
    def refused(*args, **options):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(memory.mmap, "mmap", refused)
    with pytest.raises(MemoryError, match="6000000 bytes cannot be allocated"):
        aligned_bytes(6_000_000 - 64, 64)


def test_values_are_kept_and_filled_up_with_zeros():
    values = np.arange(6.0).reshape(2, 3)
    assert aligned(values).tolist() == [0, 1, 2, 3, 4, 5]
    assert aligned(values, 8).tolist() == [0, 1, 2, 3, 4, 5, 0, 0]
    assert aligned(values).dtype == np.float64
    assert aligned_vectors(values, 7).tolist() == [0, 1, 2, 3, 4, 5, 0]
    assert aligned_vectors(values).dtype == np.float32
