"""DenseCRF against its steps written out, with Gaussian filters by the lattice."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, compute, normal
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.densecrf import DenseCRF
from xdn.layers.permutohedral import Lattice

SAID = {
    "max_iter": 2,
    "pos_w": (3.0,),
    "pos_xy_std": (2.0,),
    "bi_w": (4.0,),
    "bi_xy_std": (5.0,),
    "bi_rgb_std": (30.0,),
    "output_probability": True,
}


def by_hand(scores, image):
    """Return the probabilities of one image, in f64 but for the filters."""
    y, x = np.mgrid[: scores.shape[1], : scores.shape[2]].reshape(2, -1).astype(np.float32)
    near = Lattice.of(np.stack([x, y], axis=1) / np.float32(2))
    alike = Lattice.of(np.column_stack([x / 5, y / 5, image.reshape(3, -1).T / np.float32(30)]).astype(np.float32))
    ones = np.ones((1, len(x)), np.float32)
    s = scores.reshape(len(scores), -1).astype(np.float64)

    def softmax(v):
        p = np.exp(v - v.max(axis=0))
        return (p / p.sum(axis=0)).astype(np.float32)

    p = softmax(s)
    for _ in range(2):
        parts = [w * each.filtered(p) / each.filtered(ones) for w, each in ((3, near), (4, alike))]
        p = softmax(s + sum(parts))
    return p.reshape(scores.shape)


def test_reference(rng):
    scores, images = normal(rng, 2, 3, 4, 5), (100 * rng.random((2, 3, 4, 5))).astype(np.float32)
    sizes = np.array([[4, 5], [3, 2]], np.float32).reshape(2, 2, 1, 1)
    expected = np.zeros(scores.shape)
    expected[0] = by_hand(scores[0], images[0])
    expected[1, :, :3, :2] = by_hand(scores[1, :, :3, :2], images[1, :, :3, :2])
    check_layer(DenseCRF(**SAID), [scores, sizes, images], expected, roundings=256, magnitude=1)
    (logarithms,) = compute(DenseCRF(**{**SAID, "output_probability": False}), [scores, sizes, images])
    np.testing.assert_allclose(np.exp(logarithms[0]), expected[0], rtol=1e-4)


def test_without_images_only_places_count(rng):
    scores, sizes = normal(rng, 1, 2, 3, 3), np.full((1, 2), 99, np.float32)
    params = DenseCRF(max_iter=1, pos_w=(0.0,), pos_xy_std=(2.0,), output_probability=True)
    (top,) = compute(params, [scores, sizes])
    np.testing.assert_allclose(top.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(top[:, 0], 1 / (1 + np.exp(scores[:, 1] - scores[:, 0])), rtol=1e-4)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"output_probability": None}, UnsupportedError, "no output_probability"),
        ({"max_iter": -1}, ShapeError, "max_iter -1"),
        ({"bi_w": ()}, ShapeError, "each filter has one of each"),
        ({"pos_xy_std": (0.0,)}, ShapeError, "a width is not positive"),
        ({"bi_rgb_std": (1e-3,)}, ShapeError, "too small for the lattice"),
    ],
)
def test_what_does_not_fit_is_refused(fields, error, message):
    shapes = [(1, 3, 4, 5), (1, 2), (1, 3, 4, 5)]
    with pytest.raises(error, match=message):
        DenseCRF(**{**SAID, **fields}).infer([Blob(shape) for shape in shapes], 1)


@pytest.mark.parametrize("shapes", [[(1, 3, 4, 5)], [(1, 3, 4, 5), (1, 3)], [(1, 3, 4, 5), (1, 2), (1, 3, 4, 4)]])
def test_bottoms_fit_each_other(shapes):
    with pytest.raises(ShapeError, match="scores"):
        DenseCRF(**SAID).infer([Blob(shape) for shape in shapes], 1)
