"""LayerNorm against its reference, over later axes and over whole images."""

import numpy as np
import pytest

from tests.kernels.checks import UNIT, check_layer


@pytest.mark.parametrize(("image", "axis"), [((19, 4, 3), -1), ((5, 3, 2, 2), 3), ((19,), 1), ((5, 4, 3), 1)])
def test_layer_norm(image, axis):
    # Sums in f64, rounded once, as in the reference. A difference may cancel: its error is that of the mean, below 4
    # here, and a factor, below 4, follows.
    check_layer("LayerNorm", image, axis=axis, allowed=lambda net, feed, expected: 8 * UNIT * (16 + np.abs(expected)))
