import hashlib

import numpy as np
import pytest

from xdn.data.glyphs import BATCH, GLYPHS, Glyphs10
from xdn.errors import DataError

TEST_IMAGES_SHA256 = "23d9949f4654dc05fe7217a9e74e29fdc7fda3666c815e875299f521fec33a80"
TEST_LABELS_SHA256 = "18258420c0692cc58567d0942f63c67140cf8d2c3114addaf5f69044acf803d8"


@pytest.fixture(scope="module")
def test_set():
    return Glyphs10("test")


@pytest.fixture(scope="module")
def images(test_set):
    return test_set.images(0, len(test_set))


def test_the_test_images_are_frozen(test_set, images):
    """Every published accuracy on Glyphs-10 hangs on these bits."""
    assert (images.shape, images.dtype) == ((10_000, 32, 32, 3), np.uint8)
    assert hashlib.sha256(images.tobytes()).hexdigest() == TEST_IMAGES_SHA256
    assert hashlib.sha256(test_set.labels.astype("<i4").tobytes()).hexdigest() == TEST_LABELS_SHA256


def test_any_range_gives_the_same_images(test_set):
    whole = test_set.images(0, 2 * BATCH + 5)
    for start, stop in [(0, 1), (BATCH - 1, BATCH + 1), (3, 2 * BATCH + 5), (7, 7)]:
        np.testing.assert_array_equal(test_set.images(start, stop), whole[start:stop])


def test_the_splits_are_one_sequence_cut_in_two(test_set):
    train = Glyphs10("train")
    assert (len(train), len(test_set)) == (50_000, 10_000)
    assert not np.array_equal(train.images(0, 1), test_set.images(0, 1))
    assert len({image.tobytes() for image in train.images(0, 500)}) == 500


def test_classes_are_about_equally_frequent():
    counts = np.bincount(Glyphs10("train").labels, minlength=10)
    # n = 50,000, p = 1/10: a standard deviation of 67.
    assert np.abs(counts - 5000).max() < 5 * 67
    assert len(counts) == len(GLYPHS) == len(Glyphs10.classes) == 10


def test_images_say_their_class(test_set, images):
    """A linear classifier on contrasts, a square of 2x2 pixels a feature, beats chance: images go with their labels."""
    contrast = images[:5000].astype(np.float32)
    contrast = np.abs(contrast - contrast.mean((1, 2), keepdims=True)).mean(-1)
    contrast /= contrast.mean((1, 2), keepdims=True)
    features = contrast.reshape(-1, 16, 2, 16, 2).mean((2, 4)).reshape(5000, -1)
    seen, labels = features[:4000], test_set.labels[:5000]
    gram = seen.T @ seen + 10 * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, seen.T @ np.eye(10)[labels[:4000]])
    right = ((features[4000:] @ weights).argmax(1) == labels[4000:]).sum()
    # Chance gives 100 of 1000, with a standard deviation of 9.5.
    assert right > 145


def test_a_range_outside_is_refused(test_set):
    with pytest.raises(DataError, match=r"Glyphs-10 \(synthetic\) has 10000"):
        test_set.images(9_999, 10_001)
