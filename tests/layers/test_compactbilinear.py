"""CompactBilinear against the outer product of channels, whose elements go where their two places add up to."""

from itertools import islice

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.compactbilinear import CompactBilinear, drawn, sketches


def test_numbers_are_those_of_the_c_library():
    assert list(islice(drawn(), 5)) == [1804289383, 846930886, 1681692777, 1714636915, 1957747793]
    assert next(islice(drawn(), 9999, None)) == 1908609430


def test_places_are_drawn_before_signs_and_one_blob_before_the_other():
    numbers = list(islice(drawn(), 10))
    (first, signs), (second, _) = sketches((3, 2), 7)
    assert first.tolist() == [number % 7 for number in numbers[:3]]
    assert signs.tolist() == [2 * (number % 2) - 1 for number in numbers[3:6]]
    assert second.tolist() == [number % 7 for number in numbers[6:8]]


@pytest.mark.parametrize("count", [8, 7, 1])
def test_reference(rng, count):
    x, y = normal(rng, 2, 5, 3, 4), normal(rng, 2, 3, 3, 4)
    (places, signs), (others, other_signs) = sketches((5, 3), count)
    expected = np.zeros((2, count, 3, 4))
    for c, d in np.ndindex(5, 3):
        product = x[:, c].astype(np.float64) * y[:, d] * signs[c] * other_signs[d]
        expected[:, (places[c] + others[d]) % count] += product
    check_layer(CompactBilinear(num_output=count, sum_pool=False), [x, y], expected, magnitude=32)
    pooled = expected.sum(axis=(2, 3), keepdims=True)
    check_layer(CompactBilinear(num_output=count), [x, y], pooled, magnitude=64)


@pytest.mark.parametrize(
    ("count", "shapes", "message"),
    [
        (0, [(1, 2, 3, 4)] * 2, "num_output 0"),
        (4, [(1, 2, 3, 4), (1, 2, 3, 5)], "in their channels alone"),
        (4, [(1, 2, 3, 4)], "two blobs"),
        (1 << 31, [(1, 2, 64, 64)] * 2, "elements"),
    ],
)
def test_what_does_not_fit_is_refused(count, shapes, message):
    with pytest.raises(ShapeError, match=message):
        CompactBilinear(num_output=count).infer([Blob(shape) for shape in shapes], 1)
