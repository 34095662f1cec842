"""DeformableConvolution: without offsets a Convolution, with whole ones that of a moved image, with others by loops."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal, weights_for
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.convolution import Convolution
from xdn.layers.deformableconvolution import DeformableConvolution

FIELDS = {"num_output": 4, "kernel_size": (3,), "pad": (1,)}


@pytest.mark.parametrize(
    "more", [{}, {"group": 2}, {"stride": (2,), "dilation": (2,), "pad": (2,), "bias_term": False}]
)
def test_without_offsets_it_is_a_convolution(rng, more):
    fields, x = {**FIELDS, **more}, normal(rng, 2, 4, 6, 5)
    plain, params = Convolution(**fields), DeformableConvolution(**fields, deformable_group=2)
    weights = weights_for(plain, [x], rng)
    (expected,) = plain.reference([x], weights, 1)
    offsets = np.zeros((2, 36, *expected.shape[2:]), np.float32)
    check_layer(params, [x, offsets], expected, weights=weights, roundings=64, magnitude=16)
    shapes = [Blob(x.shape), Blob(offsets.shape)]
    assert params.macs(shapes, params.infer(shapes, 1)) == plain.macs(shapes[:1], plain.infer(shapes[:1], 1))


def test_offsets_by_loops(rng):
    params = DeformableConvolution(num_output=3, kernel_h=2, kernel_w=1, stride_w=2, stride_h=1, deformable_group=2)
    x, offsets = normal(rng, 2, 4, 5, 6), 1.5 * normal(rng, 2, 8, 4, 3)
    weights = weights_for(params, [x, offsets], rng)
    expected = np.zeros((2, 3, 4, 3)) + weights["bias"][:, None, None]
    for n, c, r, p, q in np.ndindex(2, 4, 2, 4, 3):
        moved = offsets[n, 4 * (c // 2) + 2 * r : 4 * (c // 2) + 2 * r + 2, p, q].astype(np.float64)
        y, left = np.array([p + r, 2 * q]) + moved
        if not (0 <= y < 5 and 0 <= left < 6):
            continue
        i, j = int(y), int(left)
        below, beside = min(i + 1, 4), min(j + 1, 5)
        rows = [x[n, c, row, j] * (1 - left + j) + x[n, c, row, beside] * (left - j) for row in (i, below)]
        expected[n, :, p, q] += weights["weight"][:, c, r, 0] * (rows[0] * (1 - y + i) + rows[1] * (y - i))
    check_layer(params, [x, offsets], expected, weights=weights, roundings=256, magnitude=16)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(1, 4, 5, 5)], "images .* and offsets"),
        ({}, [(1, 4, 5, 5), (1, 16, 5, 5)], r"\(1, 18, 5, 5\) is expected"),
        ({"num_output": 0}, [(1, 4, 5, 5), (1, 18, 5, 5)], "all are positive"),
        ({"deformable_group": 3}, [(1, 4, 5, 5), (1, 18, 5, 5)], "do not divide"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        DeformableConvolution(**{**FIELDS, **fields}).infer([Blob(shape) for shape in shapes], 1)
