"""ChannelNorm against NumPy's norm."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, check_positions, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.channelnorm import ChannelNorm


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3)])
def test_reference(rng, shape):
    x = normal(rng, *shape)
    expected = np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)
    check_layer(ChannelNorm(), [x], expected)
    check_layer(ChannelNorm(eps=0.5), [x], np.sqrt(expected**2 + 0.5))


def test_each_position_has_its_own(rng):
    check_positions(ChannelNorm(), [normal(rng, 2, 3, 4, 6)], rng)
    with pytest.raises(ShapeError, match="axis 1"):
        ChannelNorm().infer([Blob((3,))], 1)
