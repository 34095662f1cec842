"""Where against NumPy and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, check_positions, normal, run_onnx
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.where import Where


def test_reference(rng):
    condition = rng.integers(-1, 2, (2, 3, 4)).astype(np.float32)
    a, b = normal(rng, 2, 3, 4), normal(rng, 2, 3, 4)
    b[0, 0] = -np.inf
    with np.errstate(invalid="ignore"):
        check_layer(Where(), [condition, a, b], np.where(condition != 0, a, b), roundings=0, magnitude=0)
        expected = run_onnx("Where", [condition != 0, a, b])
    np.testing.assert_array_equal(Where().reference([condition, a, b], {}, 1)[0], expected)


def test_nan_is_not_0():
    bottoms = [np.array([[np.nan, 0]], np.float32), np.float32([[1, 2]]), np.float32([[3, 4]])]
    assert Where().reference(bottoms, {}, 1)[0].tolist() == [[1, 4]]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="2 bottoms; it takes three"):
        Where().infer([Blob((2, 3))] * 2, 1)
    with pytest.raises(ShapeError, match="different shapes"):
        Where().infer([Blob((2, 3)), Blob((2, 3)), Blob((2, 1))], 1)


def test_channels_and_positions(rng):
    bottoms = [normal(rng, 2, 4, 7, 5) for _ in range(3)]
    bottoms[0] = (bottoms[0] > 0).astype(np.float32)
    check_carried(Where(), bottoms, rng)
    check_positions(Where(), bottoms, rng)
