"""InnerDistance against SciPy's distances."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tests.layers.oracles import check_layer, normal, weights_for
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.innerdistance import InnerDistance


@pytest.mark.parametrize(("kind", "metric"), [("L2", "sqeuclidean"), ("L1", "cityblock")])
@pytest.mark.parametrize("shape", [(4, 5), (4, 2, 3), (2, 3, 2, 2)])
def test_reference(rng, kind, metric, shape):
    params, x = InnerDistance(num_output=3, distance_type=kind), normal(rng, *shape)
    weights = weights_for(params, [x], rng)
    expected = cdist(x.reshape(len(x), -1), weights["weight"], metric) + weights["bias"]
    check_layer(params, [x], expected, weights=weights, roundings=64, magnitude=32)


def test_points_of_length_one(rng):
    params, x = InnerDistance(num_output=3, bias_term=False, normalize=True, axis=2), normal(rng, 2, 3, 4)
    weights = weights_for(params, [x], rng)
    points = weights["weight"].astype(np.float64)
    points /= np.sqrt(np.square(points).sum(axis=1, keepdims=True) + 1e-6)
    expected = cdist(x.reshape(6, 4), points, "sqeuclidean").reshape(2, 3, 3)
    check_layer(params, [x], expected, weights=weights, roundings=64, magnitude=32)


def test_points_that_are_bottoms(rng):
    x, points, bias = normal(rng, 4, 5), normal(rng, 3, 5), normal(rng, 3)
    expected = cdist(x, points, "sqeuclidean")
    check_layer(InnerDistance(num_output=3), [x, points, bias], expected + bias, roundings=64, magnitude=32)
    check_layer(InnerDistance(num_output=3, bias_term=False), [x, points], expected, roundings=64, magnitude=32)


@pytest.mark.parametrize(
    ("fields", "shapes", "error", "message"),
    [
        ({}, [(4, 5)], ShapeError, "num_output is 0"),
        ({"num_output": 3, "distance_type": "L3"}, [(4, 5)], UnsupportedError, "distance_type 'L3'.*Known: L1, L2"),
        ({"num_output": 3, "transpose": True}, [(4, 5)], UnsupportedError, "transpose is no rule"),
        ({"num_output": 3}, [(4, 5), (3, 5)], ShapeError, "takes the place of its weights"),
        ({"num_output": 3}, [(4, 5), (3, 4), (3,)], ShapeError, "3 points of 5 values"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, error, message):
    with pytest.raises(error, match=message):
        InnerDistance(**fields).infer([Blob(shape) for shape in shapes], 1)
