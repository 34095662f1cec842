"""Scale and Bias by learned values along other axes than the channels, against the NumPy references."""

import pytest

from tests.kernels.checks import UNIT, check_layer, exact

#: Image, axis, num_axes: of positions, of some of their axes, one value, and of elements of an image.
PLACES = [((5, 3, 4), 2, 2), ((5, 3, 4), 3, 1), ((5, 3, 4), 1, 0), ((17, 3, 4), 1, 3), ((5, 3, 4), 1, 2)]


@pytest.mark.parametrize(("image", "axis", "num_axes"), PLACES)
def test_bias(image, axis, num_axes):
    check_layer("Bias", image, axis=axis, num_axes=num_axes, allowed=exact)


def test_scale_with_a_bias():
    # One rounding here and two in the reference, of products below 16.
    (image, axis, num_axes), *_ = PLACES
    allowed = lambda net, feed, expected: 0 * expected + 3 * UNIT * 16  # noqa: E731
    check_layer("Scale", image, axis=axis, num_axes=num_axes, bias_term=True, allowed=allowed)
