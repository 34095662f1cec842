"""A blob's shape, its bounds, and axes counted from either end."""

import numpy as np
import pytest

from xdn import settings
from xdn.element import U8
from xdn.errors import ShapeError
from xdn.graph import Blob


def test_sizes():
    blob = Blob((2, 3, 4, 5))
    array = np.zeros((2, 3, 4, 5), np.float32)
    assert (blob.size, blob.bytes, blob.image_size) == (array.size, array.nbytes, array[0].size)
    assert Blob((2, 3), U8).bytes == 6
    assert Blob(()).size == 1


@pytest.mark.parametrize("axis", range(-4, 4))
def test_axes_are_counted_from_both_ends(axis):
    assert Blob((2, 3, 4, 5)).axis(axis) == list(range(4))[axis]


@pytest.mark.parametrize("axis", [-5, 4])
def test_an_axis_that_is_not_there(axis):
    with pytest.raises(ShapeError, match=rf"axis {axis} of a blob with 4 axes \(2, 3, 4, 5\)"):
        Blob((2, 3, 4, 5)).axis(axis)


@pytest.mark.parametrize("shape", [(0,), (2, -1), (3, 0, 4)])
def test_extents_are_positive(shape):
    with pytest.raises(ShapeError, match="positive"):
        Blob(shape)


def test_bounds():
    assert Blob((settings.MAX_BLOB_ELEMENTS,)).size == settings.MAX_BLOB_ELEMENTS
    with pytest.raises(ShapeError, match="elements"):
        Blob((settings.MAX_BLOB_ELEMENTS, 2))
    assert len(Blob((1,) * settings.MAX_BLOB_AXES).shape) == settings.MAX_BLOB_AXES
    with pytest.raises(ShapeError, match="axes"):
        Blob((1,) * (settings.MAX_BLOB_AXES + 1))
