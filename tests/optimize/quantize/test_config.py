"""What a configuration refuses."""

import pytest

from xdn.errors import SettingError
from xdn.optimize.quantize.config import CalibrationConfig


def test_some_images_are_needed():
    with pytest.raises(SettingError, match="0 calibration images"):
        CalibrationConfig(images=0)


@pytest.mark.parametrize("bits", [(0, 8), (8, 9)])
def test_bits_are_1_to_8(bits):
    with pytest.raises(SettingError, match="1 to 8 are possible"):
        CalibrationConfig(bits=bits)


def test_rounding_is_learned_in_8_bits():
    with pytest.raises(SettingError, match="8 bits only"):
        CalibrationConfig(bits=(4, 8), learn_rounding=True)
