"""Filter: the images that a selector names."""

import numpy as np
import pytest

from tests.layers.oracles import normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.filter import Filter


@pytest.mark.parametrize("axes", [(), (1, 1)])
def test_reference(rng, axes):
    images, others = normal(rng, 4, 3, 2), normal(rng, 4)
    selector = np.array([1, 0, -2, 0], np.float32).reshape(4, *axes)
    first, second = Filter().reference([images, others, selector], {}, 2)
    np.testing.assert_array_equal(first, images[[0, 2]])
    np.testing.assert_array_equal(second, others[[0, 2]])
    assert Filter().infer([Blob(x.shape) for x in (images, others, selector)], 2) == (Blob((4, 3, 2)), Blob((4,)))
    with pytest.raises(ShapeError, match="nothing is left"):
        Filter().reference([images, 0 * selector], {}, 1)


@pytest.mark.parametrize("shapes", [[(4, 3)], [(4, 3), (3,)], [(4, 3), (4, 2)], [(4, 3), ()]])
def test_what_does_not_fit_is_refused(shapes):
    with pytest.raises(ShapeError, match="a selector"):
        Filter().infer([Blob(shape) for shape in shapes], 1)
    with pytest.raises(ShapeError, match="one for each of the 2 tops"):
        Filter().infer([Blob((4, 3)), Blob((4,))], 2)
