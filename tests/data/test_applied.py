"""What results state of images."""

import numpy as np

from tests.data.samples import ArrayDataset
from xdn.data.applied import Applied
from xdn.graph import Transform


def test_everything_on_the_way_is_stated():
    transform = Transform(scale=0.5, mean_value=(1.0, 2.0, 3.0), crop_size=28, std=(2.0,))
    data = ArrayDataset(np.zeros((1, 32, 30, 3), np.uint8), [0], channel_order="bgr")
    data.preprocessing = {"resize": "32x30 bilinear", "decoder": "OpenCV"}
    found = Applied.of(transform, data)
    assert found == Applied("32x30 bilinear", (32, 30, 3), 28, "", (1.0, 2.0, 3.0), 0.5, (2.0,), "bgr")
    grey = ArrayDataset(np.zeros((1, 4, 4, 1), np.uint8), [0], channel_order="grey")
    assert Applied.of(Transform(mean_file="m"), grey) == Applied("", (4, 4, 1), 0, "m", (), 1.0, (), "grey")
