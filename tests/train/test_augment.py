"""Batches of training images: any batch again from its number, crops and mirrors that are parts of the images."""

import numpy as np
import pytest

from xdn import settings
from xdn.data.pixels import PixelTransform
from xdn.errors import DataError
from xdn.graph import Transform
from xdn.train.augment import Augmentation, TrainingImages

N, H, W, C = 11, 6, 5, 3


@pytest.fixture
def images(rng):
    """Return u8 images in which every pixel of the set is another number, modulo 256, and is told by its channels."""
    return np.stack(np.unravel_index(np.arange(N * H * W), (N, H, W)), -1).reshape(N, H, W, C).astype(np.uint8) + 1


def unchanged(shape=(H, W, C), **fields):
    h, w, c = shape
    return PixelTransform.of(Transform(**fields), shape, (c, h, w))


def made(images, augmentation, transform=None, **options):
    options = {"batch": 4, "seed": 7} | options
    return TrainingImages(images, np.arange(len(images)), transform or unchanged(), augmentation, **options)


def test_an_epoch_is_every_image_at_most_once_in_a_new_order(images):
    training = made(images, Augmentation((H, W)))
    assert (len(training), training.batches) == (N, 2)
    epochs = [np.concatenate([training[2 * epoch + i][1] for i in range(2)]) for epoch in range(3)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_without_augmentation_images_are_what_the_transform_makes_of_them(images):
    transform = unchanged(scale=0.5, mean_value=(1.0, 2.0, 3.0))
    values, labels = made(images, Augmentation((H, W)), transform)[0]
    assert (values.dtype, labels.dtype, values.shape) == (np.float32, np.int64, (4, C, H, W))
    np.testing.assert_array_equal(values, transform.apply(images[labels]))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_mean_image_is_subtracted_at_the_place_of_the_crop(rng, channels):
    """Of one channel, too, where the axis that was moved has a stride that means nothing."""
    images = rng.integers(0, 256, (N, channels, H, W), np.uint8).transpose(0, 2, 3, 1)
    mean = rng.random((channels, H, W), np.float32)
    transform = PixelTransform(mean, np.ones(channels, np.float32), (0, 0, H, W))
    values, labels = made(images, Augmentation((H, W)), transform, batch=N)[0]
    np.testing.assert_array_equal(values, transform.apply(images[labels]))
    crops, labels = made(images, Augmentation((3, 3)), transform, batch=N)[0]
    whole = transform.apply(images[labels])
    parts = [whole[:, :, y : y + 3, x : x + 3] for y in range(H - 2) for x in range(W - 2)]
    assert all(any(np.array_equal(part[i], crops[i]) for part in parts) for i in range(N))


def test_channels_are_last_in_memory(images):
    values, _ = made(images, Augmentation((H, W)))[0]
    assert values.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("mode", ["ZERO", "REFLECT"])
def test_every_crop_is_a_part_of_the_extended_image(images, mode):
    pad, crop = 2, (4, 3)
    border = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    padded = np.pad(images, border, mode={"ZERO": "constant", "REFLECT": "reflect"}[mode])
    training = made(images, Augmentation(crop, pad, mode, mirror=True), batch=N)
    places = set()
    for index in range(60):
        values, labels = training[index]
        for value, label in zip(values.transpose(0, 2, 3, 1), labels, strict=True):
            found = [
                (y, x, flip)
                for y in range(H + 2 * pad - crop[0] + 1)
                for x in range(W + 2 * pad - crop[1] + 1)
                for flip in (1, -1)
                if np.array_equal(padded[label, y : y + crop[0], x : x + crop[1]][:, ::flip], value)
            ]
            assert found
            places.update(found)
    # All places, both ways: no row, column or mirror is left out.
    assert len(places) == (H + 2 * pad - 3) * (W + 2 * pad - 2) * 2


def test_half_of_the_images_are_mirrored(rng):
    images = np.broadcast_to(np.arange(W, dtype=np.uint8)[None, None, :, None], (2000, H, W, C))
    values, _ = made(images, Augmentation((H, W), mirror=True), batch=2000)[0]
    assert 900 < np.count_nonzero(values[:, 0, 0, 0] == W - 1) < 1100


def test_a_mean_image_is_cut_where_the_image_is(rng):
    mean = rng.integers(0, 9, (C, H, W)).astype(np.float32)
    transform = PixelTransform(mean, np.ones(C, np.float32), (0, 0, H, W))
    images = np.repeat(mean.transpose(1, 2, 0)[None].astype(np.uint8), N, axis=0)
    for mode in ("ZERO", "REFLECT"):
        values, _ = made(images, Augmentation((3, 3), 2, mode, mirror=True), transform)[3]
        np.testing.assert_array_equal(values, 0)


def test_a_batch_depends_on_the_seed_and_its_number_only(images):
    augmentation = Augmentation((4, 4), 1, mirror=True)
    first, other = made(images, augmentation), made(images, augmentation)
    forwards = [first[i] for i in range(7)]
    for i in (6, 0, 3, 5):
        for a, b in zip(forwards[i], other[i], strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(made(images, augmentation, seed=8)[0][1], forwards[0][1])


@pytest.mark.parametrize("batch", [0, N + 1])
def test_a_batch_that_cannot_be_filled_is_refused(images, batch):
    with pytest.raises(DataError, match=f"batches of {batch} images out of {N}"):
        made(images, Augmentation((H, W)), batch=batch)


def test_what_does_not_fit_is_refused(images, monkeypatch):
    with pytest.raises(DataError, match="no 5 pixels to reflect"):
        made(images, Augmentation((H, W), 5, "REFLECT"))
    with pytest.raises(DataError, match="crops of 9x5 pixels out of images of 6x5"):
        made(images, Augmentation((9, W)))
    monkeypatch.setattr(settings, "MAX_TRAINING_BYTES", N * (H + 2) * (W + 2) * C - 1)
    with pytest.raises(DataError, match=r"need 1848 bytes; at most 1847"):
        made(images, Augmentation((H, W), 1))
