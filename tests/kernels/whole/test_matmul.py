"""Products of blobs' matrices on whole arrays against the reference."""

import numpy as np
import pytest

from tests.kernels.checks import UNIT
from xdn.graph import Layer
from xdn.kernels.whole.layers import compute_whole
from xdn.layers.matmul import MatMul


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((4, 5), (5, 3)),
        ((3, 4, 5), (3, 5, 2)),
        ((2, 1, 4, 5), (2, 3, 5, 2)),
        ((2, 3, 4, 5), (5, 2)),
        ((4, 5), (3, 5, 2)),
        ((0, 4, 5), (0, 5, 2)),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_products(rng, one, other, turned):
    a, b = rng.standard_normal(one, np.float32), rng.standard_normal(other, np.float32)
    params = MatMul(transpose_a=turned, transpose_b=turned)
    bottoms = [np.ascontiguousarray(each.swapaxes(-1, -2)) for each in (a, b)] if turned else [a, b]
    (found,) = compute_whole(Layer("l", params, ("a", "b"), ("y",)), bottoms)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, np.matmul(a, b), rtol=0, atol=32 * UNIT * 5)
