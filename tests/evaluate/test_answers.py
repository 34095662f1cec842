"""Classes and scores of images, on a net whose answers are known."""

import numpy as np
import pytest

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api, settings
from xdn.evaluate.answers import (
    Answers,
    Output,
    answers,
    classify,
    images_at_once,
    online_images,
    stated_batch,
    takes_batch,
)
from xdn.graph import Layer, Net
from xdn.layers import LAYERS
from xdn.memory import limited
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


def test_a_call_has_no_more_images_than_memory_has_room_for(session, transform):
    images = Stripes(500).images(0, 500)
    whole = classify(session, images, transform)
    image = 4 * sum(session.net.blobs[name].image_size for name in session.net.outputs)
    with limited(40 * image):
        assert images_at_once(session, images) == 10
        assert online_images(session, Stripes(500)) == 1
    with limited(4 << 20):
        assert online_images(session, Stripes(500)) == settings.ONLINE_BATCH
        assert np.array_equal(classify(session, images, transform), whole)


def test_each_call_is_made_when_the_classes_of_the_one_before_are_there():
    seen = []

    def outputs():
        for number in range(3):
            seen.append(number)
            yield np.eye(3, dtype=np.float32)[[number]]

    found = Answers.of(outputs())
    assert found.classes.tolist() == seen == [0, 1, 2]


def net_of(batch, *layers):
    data = Layer("data", LAYERS["Input"](shape=((batch, 3, 4, 5),)), (), ("data",))
    return Net("net", (data, *(Layer(name, params, ("data",) * times, (name,)) for name, params, times in layers)))


def test_most_nets_take_any_batch():
    net = net_of(4, ("relu", LAYERS["ReLU"](), 1))
    assert stated_batch(net) is None
    assert all(takes_batch(net, images) for images in (1, 4, 1000))


def test_a_reshape_may_state_the_batch():
    net = net_of(4, ("rows", LAYERS["Reshape"](shape=(4, 60)), 1))
    assert stated_batch(net) == 4
    assert takes_batch(net, 4)
    assert not takes_batch(net, 1)


def test_a_net_in_parts_gets_some_images_at_once():
    """Whole blobs of all images stand between its parts."""
    relu, join = ("relu", LAYERS["ReLU"](), 1), ("join", LAYERS["Concat"](axis=0), 2)
    images = np.zeros((1000, 4, 5, 3), np.uint8)
    assert images_at_once(Session(net_of(1, relu, join)), images) == settings.ONLINE_BATCH
    assert images_at_once(Session(net_of(4, relu, join, ("rows", LAYERS["Reshape"](shape=(4, 60)), 1))), images) == 4


def test_an_output_has_a_shape_and_a_range():
    values = np.array([[1.0, -2.5], [3.0, 0.0]], np.float32)
    assert Output.of("boxes", values) == Output("boxes", (2, 2), -2.5, 3.0)


def test_what_is_not_a_finite_number_is_counted_and_not_a_bound():
    values = np.array([np.nan, np.inf, -np.inf, 2.0], np.float32)
    assert Output.of("x", values) == Output("x", (4,), 2.0, 2.0, 3)
    assert Output.of("x", values[:2]) == Output("x", (2,), None, None, 2)
    assert Output.of("x", np.empty((0, 7), np.float32)) == Output("x", (0, 7), None, None)
    assert Output.of("x", np.float32(1).reshape(())) == Output("x", (), 1.0, 1.0)
