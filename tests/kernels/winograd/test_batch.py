"""When Winograd is chosen, and what its kernel is told: packed filters, tables of tiles, descriptor, scratch."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tests.kernels.checks import make_params, one_layer_net
from tests.kernels.winograd_checks import algorithm_of, forced
from xdn import settings
from xdn.codegen.target import TARGETS, host_target
from xdn.graph import Epilogue
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import FAMILIES, Lowering, select
from xdn.kernels.core.layout import F32_BYTES, B
from xdn.kernels.winograd import batch_kernel as k
from xdn.kernels.winograd.batch import best_algorithm, lower_winograd, pack_filters, tile_tables
from xdn.kernels.winograd.transform import WINOGRAD
from xdn.layers.relu import ReLU
from xdn.runtime.configuration import Configuration
from xdn.runtime.plan import make_plan

CHANNELS = (1, 3, 16, 37)
#: Below a tile of every instruction set, a tile, one more, and several tiles of two sizes or of one.
FILTERS = (1, 5, 6, 7, 13, 64)


def lowering_of(image, target=None, winograd=True, epilogue=None, **params):
    """Return the lowering of a convolution with a 3x3 kernel, if nothing else is said, over one image."""
    params = {"kernel_size": 3, "pad": 1, "num_output": 64} | params
    net = one_layer_net("Convolution", image, epilogue=epilogue, **params)
    layer = net.layers[-1]
    return Lowering(layer, net.bottom_blobs(layer), net.top_blobs(layer), target or host_target(), (), winograd)


@pytest.fixture(params=WINOGRAD, ids=lambda m: f"F({m}x{m})")
def outputs(request):
    """Return m, while F(m x m) takes every layer that it can compute."""
    with forced(request.param):
        yield request.param


# The choice.


@pytest.mark.parametrize(
    ("image", "chosen"),
    # On 5x5 and 6x6 nine tiles of 16 products are as many as four of 36, and their transforms take less.
    [
        ((512, 5, 5), 2),
        ((64, 6, 6), 2),
        ((64, 3, 3), 4),
        ((64, 4, 4), 4),
        ((64, 7, 7), 4),
        ((64, 13, 9), 4),
        ((16, 32, 32), 4),
        ((64, 56, 56), 4),
    ],
)
def test_the_cheapest_tile_is_chosen(image, chosen):
    assert best_algorithm(lowering_of(image, num_output=image[0])) is WINOGRAD[chosen]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 2)])
def test_small_maps_gain_nothing(size):
    """A map of 2x2 takes 16 products of the smaller tile, and 4 * 4 taps that meet data."""
    assert best_algorithm(lowering_of((512, *size), num_output=512)) is None


@pytest.mark.parametrize(
    "params",
    [
        {"stride": 2},
        {"stride_h": 1, "stride_w": 2},
        {"dilation": 2, "pad": 2},
        {"group": 2},
        {"group": 64},
        {"kernel_size": 1, "pad": 0},
        {"kernel_size": 2},
        {"kernel_size": 5, "pad": 2},
        {"kernel_size": (), "kernel_h": 3, "kernel_w": 1},
    ],
    ids=str,
)
@pytest.mark.usefixtures("outputs")
def test_other_windows_are_direct_sums_whatever_they_cost(params):
    lowering = lowering_of((64, 16, 16), **params)
    assert best_algorithm(lowering) is None
    assert select(lowering) is not FAMILIES["winograd"]


@pytest.mark.usefixtures("outputs")
def test_a_second_source_is_direct_sums():
    projection = make_params("Convolution", num_output=8, kernel_size=1)
    net = one_layer_net(
        "Convolution",
        (8, 8, 8),
        (3, 8, 8),
        epilogue=Epilogue(projection=projection),
        num_output=8,
        kernel_size=3,
        pad=1,
    )
    assert algorithm_of(net) is None


@pytest.mark.usefixtures("outputs")
def test_who_does_not_want_it_does_not_get_it():
    assert select(lowering_of((64, 16, 16))) is FAMILIES["winograd"]
    assert select(lowering_of((64, 16, 16), winograd=False)) is FAMILIES["contract"]


@pytest.mark.parametrize(("channels", "filters"), [(1, 64), (64, 1), (3, 16)])
def test_few_channels_are_direct_sums_because_the_transforms_outweigh(channels, filters):
    assert best_algorithm(lowering_of((channels, 32, 32), num_output=filters)) is None


def test_the_choice_is_the_same_for_every_instruction_set_and_epilogue():
    """So that all processors with fused multiply-add agree, and fusing changes no bit."""
    for image in ((64, 6, 6), (16, 32, 32), (3, 32, 32)):
        found = {best_algorithm(lowering_of(image, target)) for target in TARGETS}
        found |= {best_algorithm(lowering_of(image, epilogue=Epilogue(True, ReLU())))}
        assert len(found) == 1


@pytest.mark.parametrize("winograd", [True, False])
def test_a_plan_does_as_it_is_told(winograd):
    net = one_layer_net("Convolution", (32, 8, 8), num_output=32, kernel_size=3, pad=1)
    plan = make_plan(net, {"x0": (32, 8, 8)}, ("y0",), configuration=Configuration(winograd=winograd))
    assert ("winograd4" in {step.source.name.op for step in plan.steps}) == winograd
    # 4 tiles of 36 products; 22 of 3 * 8 taps along each axis meet data.
    assert plan.macs == (4 * 36 if winograd else 22 * 22) * 32 * 32


# The tables.


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


@pytest.mark.parametrize("pad", [(0, 0), (1, 1), (2, 2), (0, 2)])
@pytest.mark.parametrize("size", [(4, 4), (5, 9), (8, 6)])
def test_tables_name_each_tile_s_places(outputs, size, pad):
    algorithm = WINOGRAD[outputs]
    lowering = lowering_of((3, *size), num_output=5, pad=pad)
    bottom, top = lowering.bottom(), lowering.top()
    inputs, results = tile_tables(lowering, algorithm)
    found = set()
    tiles = product(range(0, top.height, outputs), range(0, top.width, outputs))
    for (p, q), read, written in zip(tiles, inputs, results, strict=True):
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
    assert len(inputs) == step.words[k.TILE_COUNT] == tiles
    assert (step.words[k.CHANNELS], step.words[k.FILTERS]) == (channels, filters)
    full, small = step.words[k.FULL_TILES], step.words[k.SMALL_TILES]
    assert [sizes[0]] * full + [sizes[0] - 1] * small == sizes
    assert step.words[k.ZEROS] == address(zeros)
    assert zeros.nbytes == channels * B * F32_BYTES
    assert address(zeros) % settings.ARENA_ALIGN_BYTES == 0
    assert not zeros.any()
    assert set(map(address, step.keep)) <= set(step.words)


@pytest.mark.parametrize(("channels", "filters"), [(1, 1), (16, 13), (512, 512)])
def test_scratch_holds_the_places_that_half_a_core_s_cache_holds(outputs, channels, filters, monkeypatch):
    cache = 1 << 20
    monkeypatch.setattr("xdn.kernels.winograd.batch.core_cache_bytes", lambda: cache)
    (step,) = lower_winograd(lowering_of((channels, 32, 32), num_output=filters)).steps
    unit, elements = step.words[k.UNIT], WINOGRAD[outputs].elements
    place_bytes = {}
    for slot, place, count in ((k.V, k.V_PLACE, channels), (k.M, k.M_PLACE, filters)):
        rows, rest = divmod(step.words[place], B)
        assert rest == 0
        assert rows in (count, count + 1)
        assert rows % 2 == 1
        place_bytes[slot] = elements * rows * B * F32_BYTES
    assert step.scratch == {slot: unit * size for slot, size in place_bytes.items()}
    assert unit == max(1, cache // 2 // sum(place_bytes.values()))


def test_some_rows_of_tiles(outputs):
    """The second and third row of tiles: their rows of the tables, and how many tiles they are."""
    (step,) = lower_winograd(lowering_of((16, 13, 9), num_output=13, epilogue=Epilogue(True))).steps
    rows, (*_, inputs, results) = step.rows, step.keep
    across = -(-9 // outputs)
    assert (rows.height, rows.unit, rows.units) == (13, outputs, -(-13 // outputs))
    (words,) = descriptors = step.words[None].copy()
    rows.narrow(descriptors, np.array([1]), np.array([2]))
    assert words[k.INPUTS] == address(inputs[across:])
    assert words[k.OUTPUTS] == address(results[across:])
    assert words[k.TILE_COUNT] == 2 * across
    assert (words != step.words).sum() == 3
    assert (step.blobs[rows.writes], set(rows.reads)) == ("y0", {k.X, k.RESIDUAL})


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
