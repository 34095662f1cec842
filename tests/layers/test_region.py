"""Region against Darknet's formula by hand."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.region import Region


@pytest.mark.parametrize(("classes", "coords", "num"), [(3, 4, 2), (1, 4, 5), (2, 2, 1), (4, 5, 3)])
def test_reference(rng, classes, coords, num):
    params = Region(classes=classes, coords=coords, num=num)
    x = 3 * normal(rng, 2, num * (coords + 1 + classes), 3, 4)
    expected = x.astype(np.float64).reshape(2, num, -1, 3, 4)
    for k in (0, 1, coords):
        expected[:, :, k] = 1 / (1 + np.exp(-expected[:, :, k]))
    powers = np.exp(expected[:, :, coords + 1 :])
    expected[:, :, coords + 1 :] = powers / powers.sum(axis=2, keepdims=True)
    check_layer(params, [x], expected.reshape(x.shape).astype(np.float32), roundings=64)
    assert params.keeps_positions([Blob(x.shape)])
    assert params.channel_rule_for([Blob(x.shape)]) is ChannelRule.FIXED


@pytest.mark.parametrize(
    ("fields", "n_tops", "message"),
    [
        ({"classes": 2}, 1, "8 channels for 1 boxes of 4 coordinates, an objectness and 2 classes"),
        ({"classes": 3}, 2, "another fork's"),
        ({"classes": 6, "coords": 1}, 1, "coords is 2 or more"),
    ],
)
def test_what_does_not_fit_is_refused(fields, n_tops, message):
    with pytest.raises(ShapeError, match=message):
        Region(**fields).infer([Blob((1, 8, 3, 3))], n_tops)
