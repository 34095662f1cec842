"""Which bases Exp and Log take."""

import numpy as np
import pytest

from xdn.errors import ShapeError
from xdn.layers.logarithm import NATURAL, check_base


@pytest.mark.parametrize("base", [NATURAL, -1.0, 1e-45, 0.5, 1.0, 3e38])
def test_positive_bases_and_e(base):
    check_base(base)


@pytest.mark.parametrize("base", [0.0, -0.0, -0.999, -2.0, np.inf, -np.inf, np.nan])
def test_others_are_refused(base):
    with pytest.raises(ShapeError, match=r"base .*; it is positive and finite, or -1 for e"):
        check_base(base)
