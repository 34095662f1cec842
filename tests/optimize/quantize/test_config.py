"""What a configuration refuses."""

import pytest

from xdn.errors import SettingError
from xdn.optimize.quantize.config import CalibrationConfig


def test_some_images_are_needed():
    with pytest.raises(SettingError, match="0 calibration images"):
        CalibrationConfig(images=0)
