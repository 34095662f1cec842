"""Top-1, top-5 and confusion against counting by hand."""

import numpy as np
import pytest

from xdn.errors import DataError
from xdn.evaluate.accuracy import INVALID, ClassAccuracy, label_ranks, measured, predicted, together

NAMES = ("a", "b", "c")


def of(labels, scores):
    """Return the accuracy of scores for three classes."""
    scores = np.array(scores, np.float32)
    return measured(np.array(labels), predicted(scores), [scores], NAMES)


def test_the_prediction_is_the_largest_score_whatever_axes_follow():
    scores = np.array([[0.1, 0.7, 0.2], [3.0, -1.0, 2.0]], np.float32)
    assert predicted(scores).tolist() == [1, 0]
    assert predicted(scores.reshape(2, 3, 1, 1)).tolist() == [1, 0]


def test_correct_images_are_counted():
    found = of([1, 2, 0, 1], [[0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 1, 0]])
    assert (found.correct, found.images, found.invalid) == (3, 4, 0)
    assert found.percent == 75.0


def test_scores_that_are_not_numbers_predict_nothing():
    found = of([0, 1, 0], [[np.nan, 0.7, 0], [0.1, np.inf, 0], [0.9, 0.1, 0]])
    assert (found.correct, found.images, found.invalid) == (1, 3, 2)
    assert found.classes[0].predicted == ((INVALID, 1), (0, 1))
    assert found.classes[1].predicted == ((INVALID, 1),)


def test_ranks_are_those_of_a_stable_sort(rng):
    scores = rng.integers(0, 4, (200, 7)).astype(np.float32)
    labels = rng.integers(0, 7, 200)
    order = np.argsort(-scores, axis=1, kind="stable")
    expected = [row.tolist().index(label) for row, label in zip(order, labels, strict=True)]
    assert label_ranks(scores, labels).tolist() == expected
    # Rank 0 and the prediction are one thing, ties included.
    assert ((label_ranks(scores, labels) == 0) == (predicted(scores) == labels)).all()


def test_a_label_without_a_score_of_its_own_is_after_all_others():
    scores = np.array([[1.0, 2.0], [np.nan, 1.0]], np.float32)
    assert label_ranks(scores, np.array([2, 1])).tolist() == [2, 2]


def test_top_5_is_the_label_among_the_five_largest_scores_in_however_many_parts():
    scores = np.tile(np.arange(10, dtype=np.float32), (4, 1))
    labels = np.array([9, 5, 4, 0])
    parts = [scores[:1].reshape(1, 10, 1, 1), scores[1:].reshape(3, 10, 1, 1)]
    found = measured(labels, predicted(scores), parts, tuple(map(str, range(10))))
    assert (found.correct, found.top5) == (1, 2)
    assert found.top5_percent == 50.0


@pytest.mark.parametrize(("scores", "says"), [(5, False), (6, True)])
def test_top_5_of_five_scores_says_nothing(scores, says):
    values = np.eye(scores, dtype=np.float32)
    found = measured(np.arange(scores), predicted(values), [values], tuple(map(str, range(scores))))
    assert (found.top5 is not None) == says
    assert (found.top5_percent is not None) == says


def test_a_class_knows_what_its_images_are_taken_for():
    found = of([0, 0, 0, 2], [[5, 0, 0], [0, 5, 0], [5, 0, 0], [0, 5, 0]])
    assert found.classes == (
        ClassAccuracy("a", 2, 3, ((0, 2), (1, 1))),
        ClassAccuracy("b", 0, 0, ()),
        ClassAccuracy("c", 0, 1, ((1, 1),)),
    )
    assert [row.percent for row in found.classes] == [pytest.approx(200 / 3), None, 0.0]


def test_labels_predictions_and_scores_must_have_one_length():
    scores = np.zeros((3, 3), np.float32)
    with pytest.raises(DataError, match="2 labels for 3 predictions"):
        measured(np.zeros(2, int), predicted(scores), [scores], NAMES)
    with pytest.raises(DataError, match="3 labels for 2 scores"):
        measured(np.zeros(3, int), predicted(scores), [scores[:2]], NAMES)


def test_the_accuracies_of_parts_are_that_of_the_whole(rng):
    labels = rng.integers(0, 8, 90)
    scores = rng.standard_normal((90, 8)).astype(np.float32)
    scores[7, 3] = np.nan
    names = [f"class {number}" for number in range(8)]
    whole = measured(labels, predicted(scores), [scores], names)
    cuts = [(0, 1), (1, 50), (50, 90)]
    parts = [measured(labels[a:b], predicted(scores[a:b]), [scores[a:b]], names) for a, b in cuts]
    assert together(parts) == whole
    assert together(parts[:1]) == parts[0]
