"""What Winograd's kernel of the batch schedule is told: packed filters, descriptor, scratch, rows of tiles."""

from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.checks import B
from tests.kernels.winograd.lowering import lowering_of
from xdn import settings
from xdn.codegen.native import address
from xdn.codegen.target import host_target
from xdn.element import F32
from xdn.graph import Epilogue
from xdn.kernels.winograd.batch import lower_winograd, pack_filters
from xdn.kernels.winograd.kernel import Filtering
from xdn.kernels.winograd.transform import WINOGRAD
from xdn.layers.relu import ReLU

CHANNELS = (1, 3, 16, 37)
#: Below a tile of every instruction set, a tile, one more, and several tiles of two sizes or of one.
FILTERS = (1, 5, 6, 7, 13, 64)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("filters", FILTERS)
def test_packed_filters(outputs, filters, channels, rng):
    algorithm = WINOGRAD[outputs]
    weight = rng.standard_normal((filters, channels, 3, 3)).astype(np.float32)
    sizes = even_sizes(filters)
    packed = pack_filters(weight, algorithm, sizes)
    assert packed.shape == (algorithm.elements, channels * filters)
    assert packed.flags.c_contiguous
    made = algorithm.transformed(weight)
    for element in range(algorithm.elements):
        expected = []
        for t, size in enumerate(sizes):
            first = sum(sizes[:t])
            expected += [made[element, first + r, c] for c in range(channels) for r in range(size)]
        np.testing.assert_array_equal(packed[element], expected)


def even_sizes(filters):
    """Return the sizes of register tiles, by brute force: as few as fit, larger ones first, at most one apart."""
    most = host_target().tile()[0]
    count = -(-filters // most)
    return sorted((filters // count + (i < filters % count) for i in range(count)), reverse=True)


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("channels", CHANNELS)
def test_the_descriptor(outputs, filters, channels):
    lowering = lowering_of((channels, 9, 7), num_output=filters, epilogue=Epilogue(True, ReLU()))
    (step,) = lower_winograd(lowering).steps
    algorithm, sizes = WINOGRAD[outputs], even_sizes(filters)
    weights, _, _, zeros, inputs, _ = step.keep
    tiles = -(-9 // outputs) * -(-7 // outputs)
    assert step.source.name.tile == (sizes[0], host_target().tile()[1])
    assert step.source.name.epilogue == ("sum", "relu")
    assert step.macs == tiles * algorithm.elements * channels * filters
    assert weights.size == algorithm.elements * channels * filters
    assert len(inputs) == step.words[Filtering.tile_count.slot] == tiles
    assert [step.words[field.slot] for field in (Filtering.x_rows, Filtering.y_rows)] == [channels, filters]
    assert step.words[Filtering.channels.slot] == channels
    full, small = step.words[Filtering.full.slot], step.words[Filtering.small.slot]
    assert [sizes[0]] * full + [sizes[0] - 1] * small == sizes
    assert step.words[Filtering.zeros.slot] == address(zeros)
    assert zeros.nbytes == channels * B * F32.bytes
    assert address(zeros) % settings.ARENA_ALIGN_BYTES == 0
    assert not zeros.any()
    assert set(map(address, step.keep)) <= set(step.words)


@pytest.mark.parametrize(("channels", "filters"), [(1, 1), (16, 13), (512, 512)])
def test_scratch_holds_the_positions_that_half_a_core_s_cache_holds(outputs, channels, filters):
    cache = 1 << 20
    target = replace(host_target(), core_cache_bytes=cache)
    (step,) = lower_winograd(lowering_of((channels, 32, 32), target, num_output=filters)).steps
    unit, elements = step.words[Filtering.unit.slot], WINOGRAD[outputs].elements
    position_bytes = {}
    pitches = ((Filtering.v, Filtering.v_pitch, channels), (Filtering.m, Filtering.m_pitch, filters))
    for field, pitch, count in pitches:
        rows, rest = divmod(step.words[pitch.slot], B)
        assert rest == 0
        assert rows in (count, count + 1)
        assert rows % 2 == 1
        position_bytes[field.slot] = elements * rows * B * F32.bytes
    assert step.scratch == {slot: unit * size for slot, size in position_bytes.items()}
    assert unit == max(1, cache // 2 // sum(position_bytes.values()))


def test_some_rows_of_tiles(outputs):
    """The second and third row of tiles: their rows of the tables, and how many tiles they are."""
    (step,) = lower_winograd(lowering_of((16, 13, 9), num_output=13, epilogue=Epilogue(True))).steps
    rows, (*_, inputs, results) = step.rows, step.keep
    across = -(-9 // outputs)
    assert (rows.height, rows.unit, rows.units) == (13, outputs, -(-13 // outputs))
    (words,) = descriptors = step.words[None].copy()
    rows.narrow(descriptors, np.array([1]), np.array([2]))
    assert words[Filtering.inputs.slot] == address(inputs[across:])
    assert words[Filtering.outputs.slot] == address(results[across:])
    assert words[Filtering.tile_count.slot] == 2 * across
    assert (words != step.words).sum() == 3
    assert (step.blobs[rows.writes], set(rows.reads)) == ("y0", {Filtering.x.slot, Filtering.residual.slot})


def test_the_residual_may_be_overwritten_and_nothing_else():
    for residual in (False, True):
        lowering = lowering_of((32, 8, 8), num_output=32, epilogue=Epilogue(residual))
        lowered = lower_winograd(lowering)
        assert lowered.in_place == ({"y0": "residual"} if residual else {})
        assert not lowered.aliases


def test_no_bias_is_a_bias_of_zero():
    lowering = lowering_of((32, 8, 8), num_output=32, bias_term=False)
    np.testing.assert_array_equal(lower_winograd(lowering).steps[0].keep[1], np.zeros(32, np.float32))


def test_weights_of_another_dtype_are_converted():
    lowering = lowering_of((32, 8, 8), num_output=32)
    wide = lowering.layer.replace(weights={name: w.astype(np.float64) for name, w in lowering.layer.weights.items()})
    expected = lower_winograd(lowering).steps[0].keep
    for found, array in zip(lower_winograd(replace(lowering, layer=wide)).steps[0].keep, expected, strict=True):
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
