"""Classes and scores of images, on a net whose answers are known."""

import numpy as np
import pytest

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api, settings
from xdn.evaluate.answers import Answers, answers, classify, images_at_once
from xdn.runtime.session import Session


@pytest.fixture(scope="module")
def session():
    """Return a session of the net that finds the brightest channel."""
    return Session(brightest_channel(), threads=2)


@pytest.fixture(scope="module")
def transform():
    """Return the conversion of Stripes for that net."""
    return api.pixel_transform(brightest_channel(), Stripes.shape)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("batch", [None, 1, 33, 100])
def test_batches_change_neither_classes_nor_scores(session, transform, dtype, batch):
    data = Stripes()
    images = data.images(0, 70).astype(dtype)
    found = answers(session, images, transform, batch)
    assert np.array_equal(found.classes, data.labels)
    assert [len(part) for part in found.scores] == {None: [70], 1: [1] * 70, 33: [33, 33, 4], 100: [70]}[batch]
    channels = images.astype(np.float32).mean(axis=(1, 2))
    np.testing.assert_allclose(np.concatenate(found.scores).reshape(70, 3), channels, rtol=1e-6)


def test_u8_images_are_one_call_and_of_f32_a_chunk_a_thread_is(session, transform):
    images = Stripes(500).images(0, 500)
    assert images_at_once(session, images) == 500
    assert images_at_once(session, images.astype(np.float32)) == 2 * settings.CHUNK_IMAGES
    assert np.array_equal(classify(session, images, transform), classify(session, images.astype(np.float32), transform))


def test_each_call_is_made_when_the_classes_of_the_one_before_are_there():
    seen = []

    def outputs():
        for number in range(3):
            seen.append(number)
            yield np.eye(3, dtype=np.float32)[[number]]

    found = Answers.of(outputs())
    assert found.classes.tolist() == seen == [0, 1, 2]
