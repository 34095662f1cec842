"""SPP in both schedules: maxima exactly, averages as sums."""

import pytest

from tests.kernels.checks import check_layer, exact, sums


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize(
    ("image", "height"), [((10, 7, 5), 2), ((3, 8, 8), 3), ((37, 13, 13), 3), ((1, 1, 1), 1), ((10, 3, 4), 1)]
)
def test_pyramid(image, height, pool):
    check_layer("SPP", image, pyramid_height=height, pool=pool, allowed=exact if pool == "MAX" else sums)


def test_averages_within_the_image():
    check_layer("SPP", (3, 7, 5), pyramid_height=2, pool="AVE", count_padding=False, allowed=sums)


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
def test_named_bins(pool):
    check_layer("SPP", (10, 13, 13), spatial_bin=(1, 2, 3, 6), pool=pool, allowed=exact if pool == "MAX" else sums)
