"""Which bases Exp and Log take."""

import numpy as np
import pytest

from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.exp import Exp
from xdn.layers.log import Log
from xdn.layers.logarithm import NATURAL


@pytest.mark.parametrize("base", [NATURAL, -1.0, 1e-45, 0.5, 1.0, 3e38])
def test_positive_bases_and_e(base):
    assert Exp(base=base).infer([Blob((2, 3))], 1) == (Blob((2, 3)),)


@pytest.mark.parametrize("cls", [Exp, Log])
@pytest.mark.parametrize("base", [0.0, -0.0, -0.999, -2.0, np.inf, -np.inf, np.nan])
def test_others_are_refused(cls, base):
    with pytest.raises(ShapeError, match=r"base .*; it is positive and finite, or -1 for e"):
        cls(base=base).infer([Blob((2, 3))], 1)
