"""Conversion at the edges: planes and pixels into blocks and back, exactly, whatever the tail of a batch.

Into positions of channels, with padding and without; three channels by a loop of their own.
"""

import numpy as np
import pytest

from tests.kernels.checks import FULL_MATRIX, LANES, B, assert_within, check_layer, feed_for, one_layer_net, sums
from xdn.data.pixels import PixelTransform
from xdn.kernels.core.layout import CHANNEL
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session

#: Several blocks with a tail.
MOST = 3 * B + 4
EDGES = (1, 3, B // 2, B // 2 + 1, B - 1, B, B + 1, 2 * B - 1, 2 * B, 2 * B + 1, MOST)
BATCHES = range(1, MOST + 1) if FULL_MATRIX else EDGES


@pytest.mark.parametrize("image", [(1,), (13,), (3, 7), (10, 5, 3), (2, 3, 2, 4)])
def test_planes_come_back_as_they_were(image):
    net = one_layer_net("Split", image)
    session = Session(net, threads=1)
    x = np.random.default_rng(0).standard_normal((MOST, *image)).astype(np.float32)
    for batch in BATCHES:
        np.testing.assert_array_equal(session.run(None, {"x0": x[:batch]})[0], x[:batch])


def _transform(rng, channels, crop, mean_image=False):
    mean = rng.uniform(0, 255, (channels, *crop[2:]) if mean_image else (channels, 1, 1)).astype(np.float32)
    return PixelTransform(mean, rng.uniform(0.001, 1, channels).astype(np.float32), crop)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("crop", [(0, 0, 6, 5), (1, 0, 5, 5), (0, 2, 6, 3), (2, 1, 3, 2)])
@pytest.mark.parametrize("mean_image", [False, True])
def test_pixels_as_the_transform_computes_them(rng, channels, crop, mean_image):
    images = rng.integers(0, 256, (2 * B + 1, 6, 5, channels), np.uint8)
    transform = _transform(rng, channels, crop, mean_image)
    session = Session(one_layer_net("Dropout", (channels, *crop[2:])), threads=2, chunk_blocks=1)
    # A difference and a product, both rounded on both sides: equal bits.
    for batch in (1, B, B + 1, 2 * B + 1):
        (result,) = session.run_pixels(images[:batch], transform)
        np.testing.assert_array_equal(result, transform.apply(images[:batch]))
    session.close()


def test_pixels_of_a_memory_map_and_of_a_view(rng, tmp_path):
    images = rng.integers(0, 256, (B + 8, 4, 4, 3), np.uint8)
    images.tofile(tmp_path / "images")
    mapped = np.memmap(tmp_path / "images", np.uint8, "r", shape=images.shape)
    transform = _transform(rng, 3, (0, 0, 4, 4))
    session = Session(one_layer_net("Dropout", (3, 4, 4)))
    np.testing.assert_array_equal(session.run_pixels(mapped, transform)[0], transform.apply(images))
    flipped = images[::-1, :, ::-1]
    np.testing.assert_array_equal(session.run_pixels(flipped, transform)[0], transform.apply(flipped))


def test_pixels_and_planes_give_a_net_the_same(rng):
    net = one_layer_net("Convolution", (3, 5, 5), num_output=13, kernel_size=3, pad=1)
    images = rng.integers(0, 256, (B + 1, 5, 5, 3), np.uint8)
    transform = _transform(rng, 3, (0, 0, 5, 5))
    session = Session(net)
    planes = transform.apply(images)
    (expected,) = session.run(None, {"x0": planes})
    np.testing.assert_array_equal(session.run_pixels(images, transform)[0], expected)
    reference = net.with_batch(B + 1).forward({"x0": planes})["y0"]
    assert_within(expected, reference, sums(net, {"x0": planes}, reference))


def test_inputs_that_are_not_contiguous_are_copied(rng):
    x = rng.standard_normal((5, 4, 3, 6)).astype(np.float32)
    (result,) = Session(one_layer_net("Split", (3, 4, 6))).run(None, {"x0": x.transpose(0, 2, 1, 3)})
    np.testing.assert_array_equal(result, x.transpose(0, 2, 1, 3))


def test_several_inputs_of_different_shapes():
    check_layer("Concat", (3, 5, 2), (1, 5, 2), (7, 5, 2))


def _identity(channels, positions):
    """Return a net whose 1x1 convolution gives its input, of which it reads single values: it lies without padding."""
    net = one_layer_net("Convolution", (channels, *positions), num_output=channels, kernel_size=1, bias_term=False)
    weight = np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1)
    return net.replace(layers=(*net.layers[:-1], net.layers[-1].replace(weights={"weight": weight})))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("positions", [(1, 1), (5, 7), (16, 33)])
@pytest.mark.parametrize("channels", [2, 3, 4, LANES, LANES + 1])
def test_planes_lie_as_positions(channels, positions, threads):
    net = _identity(channels, positions)
    plan = make_plan(net, {"x0": (channels, *positions)}, net.outputs, schedule=CHANNEL)
    assert plan.layouts["x0"].position_elements == channels
    assert plan.layouts["y0"].position_elements % LANES == 0
    feed = feed_for(net, 5)
    session = Session(net, threads=threads, schedule="channel")
    for batch in (1, 5):
        np.testing.assert_array_equal(session.run(None, {"x0": feed["x0"][:batch]})[0], feed["x0"][:batch])
    session.close()


def test_who_reads_vectors_finds_padding():
    net = one_layer_net("ReLU", (3, 4, 5))
    plan = make_plan(net, {"x0": (3, 4, 5)}, net.outputs, schedule=CHANNEL)
    assert plan.layouts["x0"].position_elements == LANES
    feed = feed_for(net, 3)
    (result,) = Session(net, schedule="channel").run(None, feed)
    np.testing.assert_array_equal(result, np.maximum(feed["x0"], 0))
