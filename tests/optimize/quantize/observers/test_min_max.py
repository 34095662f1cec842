"""min-max, by hand."""

import numpy as np
import pytest

from tests.optimize.quantize.test_observer import observed


@pytest.mark.parametrize(
    ("chunks", "scale", "signed"),
    [
        ([[[0.5, 1.0]], [[3.0, 0.0]], [[2.0, 2.0]]], 3 / 255, False),
        ([[[-0.5, 1.0]], [[0.25, 0.0]]], 1 / 127, True),
        ([[[-4.0, 1.0]]], 4 / 127, True),
    ],
)
def test_by_hand(chunks, scale, signed):
    found = observed("min-max", *chunks).quantized()
    assert (np.float32(found.scale), found.signed) == (np.float32(scale), signed)
