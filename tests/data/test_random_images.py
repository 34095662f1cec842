"""Random images: seeded, the same in every range, of all values."""

import numpy as np

from xdn.data.packed import PackedData, pack
from xdn.data.random_images import RandomImages


def test_images_are_the_same_in_every_range():
    data = RandomImages(9, (5, 4, 3))
    whole = data.images(0, 9)
    assert whole.shape == (9, 5, 4, 3)
    assert whole.dtype == np.uint8
    parts = [data.images(start, start + 3) for start in (0, 3, 6)]
    assert np.array_equal(whole, np.concatenate(parts))
    assert np.array_equal(whole, RandomImages(100, (5, 4, 3)).images(0, 9))
    assert not np.array_equal(whole[0], whole[1])
    assert data.images(4, 4).shape == (0, 5, 4, 3)


def test_pixels_take_all_values_alike():
    counts = np.bincount(RandomImages(4, (64, 64, 1)).images(0, 4).reshape(-1), minlength=256)
    # 64 of each on average; a count strays by 8 as a rule.
    assert counts.min() > 20
    assert counts.max() < 120


def test_they_can_be_packed(tmp_path):
    data = RandomImages(3, (4, 4, 1))
    pack(data, tmp_path / "random.packed")
    assert np.array_equal(PackedData.open(tmp_path / "random.packed").pixels, data.images(0, 3))
