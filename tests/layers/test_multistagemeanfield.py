"""MultiStageMeanfield against its steps written out, with Gaussian filters by the lattice."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.multistagemeanfield import MultiStageMeanfield
from xdn.layers.permutohedral import Lattice

WIDTHS = {"theta_alpha": 5.0, "theta_beta": 30.0, "theta_gamma": 2.0}


def test_reference(rng):
    params = MultiStageMeanfield(**WIDTHS, num_iterations=3)
    unary, start = normal(rng, 2, 3, 4, 5), normal(rng, 2, 3, 4, 5)
    images = (100 * rng.random((2, 3, 4, 5))).astype(np.float32)
    weights = {name: normal(rng, 3, 3) for name in ("spatial", "bilateral", "compatibility")}
    expected = []
    for n in range(2):
        y, x = np.mgrid[:4, :5].reshape(2, -1).astype(np.float32)
        near = Lattice.of(np.stack([x, y], axis=1) / np.float32(2))
        alike = Lattice.of(
            np.column_stack([x / 5, y / 5, images[n].reshape(3, -1).T / np.float32(30)]).astype(np.float32)
        )
        ones = np.ones((1, 20), np.float32)
        q = start[n].reshape(3, -1).astype(np.float64)
        for _ in range(3):
            p = np.exp(q - q.max(axis=0))
            p = (p / p.sum(axis=0)).astype(np.float32)
            s, b = (each.filtered(p) / each.filtered(ones) for each in (near, alike))
            q = unary[n].reshape(3, -1) - weights["compatibility"] @ (weights["spatial"] @ s + weights["bilateral"] @ b)
        expected.append(q.reshape(3, 4, 5))
    check_layer(params, [unary, start, images], np.stack(expected), weights=weights, roundings=256, magnitude=10)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(1, 3, 4, 5)] * 2, "scores"),
        ({}, [(1, 4, 4, 5)] * 2 + [(1, 1, 4, 5)], "images"),
        ({}, [(1, 1, 4, 5)] * 2 + [(1, 3, 4, 5)], "two or more classes"),
        ({"theta_beta": 0.0}, [(1, 3, 4, 5)] * 3, "all are positive"),
        ({"theta_beta": 1e-3}, [(1, 3, 4, 5)] * 3, "too small for the lattice"),
        ({"theta_gamma": 1e-45}, [(1, 3, 4, 5)] * 3, "too small for the lattice"),
        ({"num_iterations": 0}, [(1, 3, 4, 5)] * 3, "num_iterations 0"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        MultiStageMeanfield(**{**WIDTHS, "num_iterations": 2, **fields}).infer([Blob(shape) for shape in shapes], 1)
