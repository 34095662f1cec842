"""What layers share that bring images to another size: products with matrices, and how large these may be."""

from dataclasses import dataclass

import numpy as np
import pytest

from tests.layers.oracles import normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.resampling import Resampling


@dataclass(frozen=True)
class _Turned(Resampling):
    """Rows from the last to the first, and the sum of the columns, `wanted` times."""

    wanted: int = 3

    def size(self, bottoms):
        return bottoms[0].shape[2], self.wanted

    def laid_out(self, bottoms):
        h, w = bottoms[0].shape[2:]
        return np.eye(h, dtype=np.float32)[::-1], np.ones((self.wanted, w), np.float32)


def test_rows_then_columns(rng):
    x = normal(rng, 2, 3, 4, 5)
    (top,) = _Turned().reference([x], {}, 1)
    assert _Turned().infer([Blob(x.shape)], 1) == (Blob((2, 3, 4, 3)),)
    np.testing.assert_allclose(top, x[:, :, ::-1].sum(3, keepdims=True).repeat(3, 3), rtol=1e-5, atol=1e-6)


def test_matrices_beyond_all_bounds_are_refused():
    with pytest.raises(ShapeError, match=r"images of \(1, 67108864\) to \(1, 3\); so long ones"):
        _Turned().infer([Blob((1, 1, 1, 1 << 26))], 1)
