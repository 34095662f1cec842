"""DataAugmentation takes a mean off."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.dataaugmentation import DataAugmentation


def test_the_mean_of_training(rng):
    x, channels, places = normal(rng, 2, 3, 4, 5), normal(rng, 3), normal(rng, 3, 4, 5)
    params = DataAugmentation(recompute_mean=1000, mean_per_pixel=False, crop_width=5, crop_height=4)
    check_layer(params, [x], x - channels.reshape(3, 1, 1), weights={"mean": channels}, roundings=0)
    each = DataAugmentation(recompute_mean=1000)
    check_layer(each, [x], x - places, weights={"mean": places}, roundings=0)
    assert params.stored_order([1, 60, 3]) == (2,)
    assert each.stored_order([1, 60, 3]) == (1,)
    assert DataAugmentation().stored_order([1]) is None


def test_the_mean_of_the_text(rng):
    x = normal(rng, 2, 3, 4, 5)
    stated = DataAugmentation(mean=(1.0, 2.0, 3.0), mean_per_pixel=False)
    check_layer(stated, [x], x - np.float32([1, 2, 3]).reshape(3, 1, 1), roundings=0)
    check_layer(DataAugmentation(mean=(1.0, 2.0, 3.0)), [x], x, roundings=0)
    check_layer(DataAugmentation(), [x], x, roundings=0)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UnsupportedError, match="are to be cropped to 3x5"):
        DataAugmentation(crop_width=5, crop_height=3).infer([Blob((1, 3, 4, 5))], 1)
    with pytest.raises(ShapeError, match="3 mean for 2 channels"):
        DataAugmentation(mean=(1.0, 2.0, 3.0), mean_per_pixel=False).infer([Blob((1, 2, 4, 5))], 1)
