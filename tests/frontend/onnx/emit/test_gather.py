"""Layers that take or put elements by their numbers, in ONNX."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_values, one_layer_net
from xdn.errors import UnsupportedError
from xdn.frontend.onnx.writer import to_onnx
from xdn.layers.pick import Pick
from xdn.layers.put import Put

PLACES = np.float32([[3, 0, -1], [np.nan, 9, 20]])


def test_pick(rng):
    check_values(Pick(), rng.standard_normal((2, 5, 2)).astype(np.float32), PLACES)


@pytest.mark.parametrize("operation", ["SET", "ADD", "MUL"])
def test_put(rng, operation):
    image, values = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 5, 2), (2, 3)))
    # Where a place has several values, ONNX does not say which is left.
    places = PLACES if operation != "SET" else np.float32([[3, 0, 1], [2, 9, 0]])
    check_values(Put(operation=operation), image, places, values)


def test_what_has_no_onnx_form():
    with pytest.raises(UnsupportedError, match="Put with the operation MAX"):
        to_onnx(one_layer_net(Put(operation="MAX"), (2, 3), (2, 1), (2, 1)))
