"""What results state of images."""

from xdn.data.applied import Applied
from xdn.graph import Transform


def test_everything_on_the_way_is_stated():
    transform = Transform(scale=0.5, mean_value=(1.0, 2.0, 3.0), crop_size=28, std=(2.0,))
    found = Applied.of(transform, (32, 30, 3), "bgr", {"resize": "32x30 bilinear", "decoder": "OpenCV"})
    assert found == Applied("32x30 bilinear", (32, 30, 3), 28, "", (1.0, 2.0, 3.0), 0.5, (2.0,), "bgr")
    assert Applied.of(Transform(mean_file="m"), (4, 4, 1), "grey", {}).resize == ""
