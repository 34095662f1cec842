"""What layers with rows of weights share, of both kinds."""

import pytest

from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.innerdistance import InnerDistance
from xdn.layers.innerproduct import InnerProduct

BOTTOM = [Blob((2, 3, 4, 5))]


@pytest.mark.parametrize("cls", [InnerProduct, InnerDistance])
@pytest.mark.parametrize(("axis", "top", "inputs"), [(1, (2, 7), 60), (2, (2, 3, 7), 20), (-1, (2, 3, 4, 7), 5)])
def test_rows_meet_all_axes_from_one_on(cls, axis, top, inputs):
    params = cls(num_output=7, axis=axis)
    tops = params.infer(BOTTOM, 1)
    assert tops[0].shape == top
    assert params.weight_shapes(BOTTOM) == {"weight": (7, inputs), "bias": (7,)}
    assert params.macs(BOTTOM, tops) == tops[0].size * inputs
    assert not params.joins_images(BOTTOM)


@pytest.mark.parametrize("cls", [InnerProduct, InnerDistance])
def test_rows_of_whole_batches_and_without_biases(cls):
    params = cls(num_output=7, axis=0, bias_term=False)
    assert params.weight_shapes(BOTTOM) == {"weight": (7, 120)}
    assert params.joins_images(BOTTOM)


@pytest.mark.parametrize("cls", [InnerProduct, InnerDistance])
def test_no_rows(cls):
    with pytest.raises(ShapeError, match="num_output is 0; it must be positive"):
        cls().infer(BOTTOM, 1)
