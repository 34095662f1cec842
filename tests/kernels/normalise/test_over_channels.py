"""Normalize and ArgMax over the channels of positions."""

import numpy as np
import pytest

from tests.kernels.checks import check_layer, check_net, close, one_layer_net
from xdn.runtime.parts import NetPart
from xdn.runtime.session import Session

IMAGES = [(10, 5, 3), (37,), (1, 2, 2), (64, 3)]


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("channel_shared", [True, False])
def test_normalize(image, channel_shared):
    # A sum of C squares errs by C roundings on each side, the root halves that; then a quotient and a product.
    allowed = close(image[0] + 8)
    check_layer("Normalize", image, across_spatial=False, channel_shared=channel_shared, allowed=allowed)


@pytest.mark.parametrize("norm", ["L1", "L2"])
def test_normalize_without_a_scale(norm):
    check_layer("Normalize", (10, 5, 3), across_spatial=False, scaled=False, norm=norm, allowed=close(18))


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("out_max_val", [True, False])
def test_argmax(image, out_max_val):
    check_layer("ArgMax", image, axis=1, out_max_val=out_max_val)


def test_of_equal_values_the_last_and_never_nan():
    net = one_layer_net("ArgMax", (3,), axis=1)
    x = np.array([[1, 1, 0], [np.nan, 2, 1], [np.nan] * 3, [-np.inf] * 3, [0.0, -0.0, -1]], np.float32)
    (result,) = check_net(net, feed={"x0": x})
    np.testing.assert_array_equal(result[:, 0], [1, 1, 2, 2, 1])


@pytest.mark.parametrize("image", [(10,), (37, 1, 1)])
def test_the_class_of_an_image(image):
    net = one_layer_net("ArgMax", image)
    (part,) = Session(net).parts
    assert isinstance(part, NetPart)
    check_net(net)
