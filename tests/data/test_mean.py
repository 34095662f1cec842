"""The mean image against NumPy's."""

import numpy as np

from tests.data.samples import ArrayDataset
from xdn import settings
from xdn.data.mean import mean_image


def test_it_is_the_mean_of_all_images_whatever_is_read_at_a_time(rng, monkeypatch):
    pixels = rng.integers(0, 256, (11, 5, 4, 3), np.uint8)
    told = []
    for step in (1, 4, 11):
        monkeypatch.setattr(settings, "PACK_IMAGES", step)
        mean = mean_image(ArrayDataset(pixels, [0] * 11), lambda done, total: told.append((done, total)))
        assert (mean.dtype, mean.shape) == (np.float32, (3, 5, 4))
        # Sums of bytes are exact in f64; the quotient is rounded to f32 once.
        np.testing.assert_array_equal(mean, pixels.mean(axis=0).transpose(2, 0, 1).astype(np.float32))
    assert told[-1] == (11, 11)
