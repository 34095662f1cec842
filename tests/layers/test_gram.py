"""Gram against sums written out."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.gram import Gram


def test_reference(rng):
    x = normal(rng, 2, 3, 4, 5)
    expected = np.einsum("nchw,ndhw->ncd", x, x, dtype=np.float64)[..., None] / (4 * 5 * 3)
    check_layer(Gram(), [x], expected, roundings=20, magnitude=1)
    with pytest.raises(ShapeError, match="4 axes"):
        Gram().infer([Blob((2, 3))], 1)
