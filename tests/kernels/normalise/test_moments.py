"""MVN by channel and by image, and Normalize by image, against their references."""

import numpy as np
import pytest

from tests.kernels.checks import UNIT, check_layer, close


@pytest.mark.parametrize("image", [(10, 5, 3), (37, 4), (16, 1, 1)])
@pytest.mark.parametrize("normalize_variance", [True, False])
def test_mvn_of_channels(image, normalize_variance):
    # Sums in f64, rounded once, as in the reference: mean, difference, deviation and quotient err by one rounding each.
    # A difference may cancel: its error is that of the mean, which is below 4 here.
    allowed = lambda net, feed, expected: 8 * UNIT * (4 + np.abs(expected))  # noqa: E731
    if image == (16, 1, 1):
        allowed = lambda net, feed, expected: np.zeros_like(expected)  # noqa: E731
    check_layer("MVN", image, normalize_variance=normalize_variance, allowed=allowed)


@pytest.mark.parametrize("image", [(10, 5, 3), (37, 4), (16, 1, 1), (5,)])
@pytest.mark.parametrize("normalize_variance", [True, False])
def test_mvn_of_images(image, normalize_variance):
    # As channel by channel: a difference may cancel, and its error is that of the mean, which is below 4 here.
    allowed = lambda net, feed, expected: 8 * UNIT * (4 + np.abs(expected))  # noqa: E731
    check_layer("MVN", image, across_channels=True, normalize_variance=normalize_variance, allowed=allowed)


@pytest.mark.parametrize("image", [(10, 5, 3), (37, 4), (5,)])
@pytest.mark.parametrize("channel_shared", [True, False])
def test_normalize_of_images(image, channel_shared):
    # The reference's sum of squares is in f32: of n positive terms, pairwise, it errs by log2 n roundings.
    check_layer("Normalize", image, across_spatial=True, channel_shared=channel_shared, allowed=close(16))


def test_normalize_of_images_without_a_scale():
    check_layer("Normalize", (10, 5, 3), across_spatial=True, scaled=False, allowed=close(16))
