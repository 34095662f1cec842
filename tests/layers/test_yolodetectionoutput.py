"""YoloDetectionOutput against plain loops over cells and boxes."""

from dataclasses import replace

import numpy as np
import pytest

from tests.layers.oracles import normal
from tests.layers.yolos import CLASSES, V2, found_by, logistic, naive
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.yolodetectionoutput import YoloDetectionOutput


def likeliest(values):
    """Return the score and number of the likeliest class, by a softmax, where it counts."""
    powers = np.exp(values[5:])
    best = int(powers.argmax())
    score = logistic(values[4]) * powers[best] / powers.sum()
    return [(score, best)] if score >= V2.confidence_threshold else []


def in_cells(number, box, h, w):
    """Return a box's anchors, which are in cells."""
    return V2.biases[2 * box] / w, V2.biases[2 * box + 1] / h


@pytest.mark.parametrize("sizes", [[(3, 2)], [(3, 2), (6, 4)]])
def test_reference(rng, sizes):
    bottoms = [normal(rng, 2, 16, *size) for size in sizes]
    found, expected = found_by(V2, bottoms), naive(V2, bottoms, likeliest, in_cells)
    assert found.shape == expected.shape
    assert 0 < found.shape[2] < 2 * sum(2 * h * w for h, w in sizes)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_box_counts_once_with_its_best_class():
    x = np.array([0, 0, 0, 0, 9, 1, 3, 3], np.float32).reshape(1, 8, 1, 1)
    found = found_by(replace(V2, num_box=1, confidence_threshold=0.0), [x])
    assert found.shape == (1, 1, 1, 7)
    assert found[0, 0, 0, 1] == 2  # Of two that are alike the first; 1 is the first class.


def test_a_score_at_the_threshold_counts():
    params = replace(V2, num_classes=1, num_box=1, confidence_threshold=0.5)
    x = np.zeros((1, 6, 1, 1), np.float32)
    np.testing.assert_array_equal(found_by(params, [x]), [[[[0, 1, 0.5, 0, -0.5, 1, 1.5]]]])


def test_further_biases_play_no_part(rng):
    bottoms = [normal(rng, 2, 16, 3, 2)]
    np.testing.assert_array_equal(
        found_by(replace(V2, biases=(*V2.biases, 7.0, 8.0, 9.0)), bottoms), found_by(V2, bottoms)
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (YoloDetectionOutput(num_classes=CLASSES, num_box=2), "0 biases for 2 boxes"),
        (replace(V2, biases=(1.0, 2.0, 3.0)), "3 biases for 2 boxes"),
        (replace(V2, coords=5), "coords 5"),
    ],
)
def test_what_does_not_fit_is_refused(params, message):
    with pytest.raises(ShapeError, match=message):
        params.infer([Blob((1, 16, 3, 3))], 1)
