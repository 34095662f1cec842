"""moving-average, image by image."""

import pytest

from tests.optimize.quantize.test_observer import observed
from xdn.optimize.quantize.observers.moving_average import SHARE


def test_by_hand():
    found = observed("moving-average", [[1.0, 0.5], [0.0, 2.0]], [[4.0, 1.0]])
    second = 1 + SHARE * (2 - 1)
    assert found.reach() == pytest.approx(second + SHARE * (4 - second))
    assert found.levels == 255


def test_minima_and_maxima_have_averages_of_their_own():
    found = observed("moving-average", [[-3.0, 2.0], [-1.0, 10.0]])
    assert found.reach() == pytest.approx(3 - SHARE * 2)
    assert found.levels == 127


def test_the_first_image_begins_though_it_is_zero():
    found = observed("moving-average", [[0.0], [2.0]])
    assert found.reach() == pytest.approx(SHARE * 2)
