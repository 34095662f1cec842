"""Mean against its formula, written out."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.mean import Mean


@pytest.mark.parametrize(("operation", "sign"), [("ADD", 1), ("SUBTRACT", -1)])
def test_reference(rng, operation, sign):
    x, scales = normal(rng, 2, 6, 4, 5), {"input_scale": 0.5, "mean_scale": 3.0, "output_scale": 1.25}
    mean = np.tile([1.5, -2, 7], 2).reshape(6, 1, 1)
    expected = 1.25 * (0.5 * x + sign * 3.0 * mean)
    check_layer(Mean(operation=operation, value=(1.5, -2.0, 7.0), **scales), [x], expected, magnitude=32)


def test_without_an_operation_the_image_alone_is_scaled(rng):
    x = normal(rng, 2, 3, 4, 5)
    check_layer(Mean(scale=0.5, value=(2.0,)), [x], 0.5 * x - 2, magnitude=4)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UnsupportedError, match=r"in the file 'mean\.bin'"):
        Mean(operation="ADD", file="mean.bin").infer([Blob((1, 3, 4, 5))], 1)
    with pytest.raises(ShapeError, match="2 values for 3 channels"):
        Mean(operation="ADD", value=(1.0, 2.0)).infer([Blob((1, 3, 4, 5))], 1)
    with pytest.raises(ShapeError, match="0 values"):
        Mean(operation="ADD").infer([Blob((1, 3, 4, 5))], 1)
