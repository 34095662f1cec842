"""Top-1 accuracy against counting by hand."""

import numpy as np
import pytest

from xdn.errors import DataError
from xdn.evaluate.accuracy import INVALID, Accuracy, predicted, top1


def test_the_prediction_is_the_largest_score_whatever_axes_follow():
    scores = np.array([[0.1, 0.7, 0.2], [3.0, -1.0, 2.0]], np.float32)
    assert predicted(scores).tolist() == [1, 0]
    assert predicted(scores.reshape(2, 3, 1, 1)).tolist() == [1, 0]


def test_scores_that_are_no_numbers_predict_nothing():
    scores = np.array([[np.nan, 0.7], [0.1, np.inf], [0.9, 0.1]], np.float32)
    assert predicted(scores).tolist() == [INVALID, INVALID, 0]
    assert top1(np.array([0, 1, 0]), predicted(scores)) == Accuracy(correct=1, images=3, invalid=2)


def test_correct_images_are_counted():
    found = top1(np.array([1, 2, 0, 1]), np.array([1, 2, 1, 1]))
    assert found == Accuracy(correct=3, images=4)
    assert found.percent == 75.0


def test_labels_and_predictions_must_have_one_length():
    with pytest.raises(DataError, match="2 labels for 3 predictions"):
        top1(np.zeros(2), np.zeros(3))
