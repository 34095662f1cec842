"""What codebooks may be asked for."""

import pytest

from xdn.errors import SettingError
from xdn.optimize.codebooks.config import CodebookConfig


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks": "tiny"}, "Known: small, large"),
        ({"centroids": 1}, "2 to 256 are possible"),
        ({"centroids": 257}, "2 to 256 are possible"),
        ({"iterations": 0}, "at least 1 and 0"),
        ({"swaps": -1}, "at least 1 and 0"),
    ],
)
def test_what_is_out_of_bounds(changes, message):
    with pytest.raises(SettingError, match=message):
        CodebookConfig(**changes)
