"""Products of matrices on whole arrays against NumPy's, in f64."""

import gc
import weakref

import numpy as np
import pytest

from tests.kernels.checks import LANES, UNIT
from xdn.codegen.target import TARGETS, host_target
from xdn.graph import Layer
from xdn.kernels.whole.layers import compute_whole
from xdn.kernels.whole.product import VECTORS, Factor, made_once, spread_rows
from xdn.layers.innerproduct import InnerProduct


@pytest.mark.parametrize("columns", [1, LANES, VECTORS * LANES, VECTORS * LANES + 3])
@pytest.mark.parametrize("rows", [0, 1, 5, 6, 7, 13, 40])
def test_rows_times_a_weight(rng, rows, columns):
    x, weight = rng.standard_normal((rows, 17), np.float32), rng.standard_normal((columns, 17), np.float32)
    bias = rng.standard_normal(columns, np.float32)
    found = Factor(weight, bias).times(x)
    wide = [array.astype(np.float64) for array in (x, weight, bias)]
    expected = wide[0] @ wide[1].T + wide[2]
    bound = 18 * UNIT * (np.abs(wide[0]) @ np.abs(wide[1]).T + np.abs(wide[2]))
    assert (np.abs(found[:, :columns] - expected) <= bound).all()
    assert not found[:, columns:].any()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("rows", [1, 2, 6, 7, 32, 3200])
def test_rows_are_spread_evenly(rows, target):
    large, count, tiles = spread_rows(rows, target)
    assert 1 <= count <= tiles
    assert count * large + (tiles - count) * (large - 1) == rows
    # All sums, the vectors of a panel and a scalar.
    assert VECTORS * large + VECTORS + 1 <= target.registers


@pytest.mark.parametrize(("axis", "transpose", "bias"), [(2, False, True), (-1, True, False), (1, False, True)])
def test_inner_products_over_the_last_axes(rng, axis, transpose, bias):
    params = InnerProduct(num_output=9, axis=axis, transpose=transpose, bias_term=bias)
    x = rng.standard_normal((7, 3, 10), np.float32)
    inputs = 30 if axis == 1 else 10
    weights = {"weight": rng.standard_normal((inputs, 9) if transpose else (9, inputs), np.float32)}
    weights |= {"bias": rng.standard_normal(9, np.float32)} if bias else {}
    layer = Layer("l", params, ("x",), ("y",), weights)
    (found,), (expected,) = compute_whole(layer, [x]), layer.forward([x])
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=64 * UNIT * inputs)


def test_weights_are_packed_once_and_go_with_their_layer():
    params = InnerProduct(num_output=2, axis=2)
    layer = Layer("l", params, ("x",), ("y",), {"weight": np.ones((2, 3), np.float32), "bias": np.zeros(2, np.float32)})
    compute_whole(layer, [np.ones((1, 1, 3), np.float32)])
    made = made_once(layer, lambda: pytest.fail("it is there"))
    gone = weakref.ref(made)
    del made, layer
    gc.collect()
    assert gone() is None


def test_the_host_has_room_for_a_tile():
    assert spread_rows(64, host_target())[0] >= 2
