"""The row of the transform."""

import numpy as np
import pytest

from tests.data.samples import ArrayDataset
from xdn.data.applied import Applied
from xdn.graph import Transform
from xdn.report.transform import transform_line

CASES = [
    (Transform(), {}, "rgb", "none: raw 0..255, R,G,B"),
    (Transform(crop_size=32), {}, "bgr", "none: raw 0..255, B,G,R"),
    (Transform(mean_value=(0.0,), std=(1.0, 1.0, 1.0)), {}, "grey", "none: raw 0..255, grey"),
    (Transform(crop_size=28), {}, "rgb", "central crop 28x28 of 32x32; raw 0..255, R,G,B"),
    (Transform(), {"resize": "32x32 bilinear"}, "bgr", "resized to 32x32 bilinear; raw 0..255, B,G,R"),
    (
        Transform(mean_value=(104.0, 117.0, 123.5), scale=0.017, crop_size=28),
        {"resize": "32x32 bilinear"},
        "bgr",
        "resized to 32x32 bilinear; central crop 28x28 of 32x32; mean 104, 117, 123.5 subtracted; times 0.017; B,G,R",
    ),
    (Transform(mean_file="m.binaryproto"), {}, "bgr", "mean image m.binaryproto subtracted; B,G,R"),
    (Transform(std=(58.0, 57.0, 57.0)), {}, "rgb", "divided by 58, 57, 57; R,G,B"),
]


@pytest.mark.parametrize(("transform", "preprocessing", "order", "line"), CASES)
def test_every_part_is_said_and_nothing_else(transform, preprocessing, order, line):
    channels = 1 if order == "grey" else 3
    data = ArrayDataset(np.zeros((1, 32, 32, channels), np.uint8), [0], channel_order=order)
    data.preprocessing = preprocessing
    assert transform_line(Applied.of(transform, data)) == line
