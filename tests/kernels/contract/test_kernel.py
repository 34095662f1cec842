"""What contractions of both schedules share: words of sources, loops over runs and channels, against NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.codegen.emitted import run
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.jit import I64, POINTER, WORDS
from xdn.codegen.names import KernelName
from xdn.codegen.native import address
from xdn.codegen.target import target_named
from xdn.kernels.contract.kernel import Contract, add_channels, source_words, tile_function

TARGET = target_named("portable")


def _source(blob, elements):
    return SimpleNamespace(blob=blob, runs=np.zeros((1, 3), np.int64), layout=SimpleNamespace(block_elements=elements))


@pytest.mark.parametrize("count", [1, 2])
def test_each_source_has_words_of_its_own(count):
    sources, packed = [_source("a", 12), _source("b", 34)][:count], [np.zeros(4, np.float32) for _ in range(count)]
    words = Contract(**source_words(SimpleNamespace(sources=sources), packed))
    assert words.blobs == dict([(Contract.x.slot, "a"), (Contract.x2.slot, "b")][:count])
    assert (words.x_block, words.x2_block) == (12, 34 if count == 2 else 0)
    assert words.weights == address(packed[0])
    assert (words.weights2 == address(packed[-1]), words.runs2 == address(sources[-1].runs)) == (count == 2,) * 2
    assert len(words.keep) == 2 * count


@pytest.mark.parametrize(("epilogue", "count"), [(("sum", "relu"), 1), (("projection",), 2)])
def test_a_tile_takes_as_many_sources_as_its_name_says(epilogue, count):
    name, seen = KernelName("contract", TARGET.name, epilogue, (2, 2)), []

    def emit(b, sources, ends, name):
        seen.append((sources, ends))

    tile = tile_function(name, (POINTER, I64), (WORDS,), emit)
    assert tile.parameters == (POINTER, I64, WORDS, POINTER, I64)[: 3 if count == 1 else 5]
    tile.emit(None, *"xnyXN"[: len(tile.parameters)])
    assert seen == [([tuple("xn"), tuple("XN")][:count], ("y",))]


@pytest.mark.parametrize("channels", [0, 1, 5])
def test_every_scalar_meets_every_vector_of_its_channel(channels):
    rows, vectors, lanes = 3, 2, TARGET.lanes
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-9, 9, (channels + 1, n)).astype(np.float32) for n in (vectors * lanes, rows))
    start = rng.integers(-9, 9, (rows, vectors * lanes)).astype(np.float32)
    found = start.copy()

    def emit(irbuilder, found, x, w, count):
        b = VectorBuilder(irbuilder, TARGET)

        def operands(c):
            at, scalars = b.offset(x, b.ir.mul(c, b.const(vectors * lanes))), b.offset(w, b.ir.mul(c, b.const(rows)))
            loaded = [b.load(at, v, aligned=False) for v in range(vectors)]
            return loaded, (b.scalar(scalars, r) for r in range(rows))

        acc = [b.load(found, i, aligned=False) for i in range(rows * vectors)]
        for i, value in enumerate(add_channels(b, count, acc, operands)):
            b.store(value, found, i, aligned=False)

    run(emit, found, x, w, count=channels)
    np.testing.assert_array_equal(found, start + w[:channels].T @ x[:channels])
