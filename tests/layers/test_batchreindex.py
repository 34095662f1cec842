"""BatchReindex: images by number."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.batchreindex import BatchReindex


def test_reference(rng):
    images = normal(rng, 3, 2, 4)
    numbers = np.array([2, 0, 2, 1.75, 0], np.float32)
    check_layer(BatchReindex(), [images, numbers], images[[2, 0, 2, 1, 0]], roundings=0)


@pytest.mark.parametrize("number", [-1, 3, np.nan])
def test_a_number_that_no_image_has(rng, number):
    with pytest.raises(ShapeError, match=f"image {number:g} is asked for; there are 3"):
        BatchReindex().reference([normal(rng, 3, 2), np.array([0, number], np.float32)], {}, 1)


@pytest.mark.parametrize("shapes", [[(3, 2)], [(3, 2), (2, 1)], [(), (2,)]])
def test_what_does_not_fit_is_refused(shapes):
    with pytest.raises(ShapeError, match="numbers of its images"):
        BatchReindex().infer([Blob(shape) for shape in shapes], 1)
