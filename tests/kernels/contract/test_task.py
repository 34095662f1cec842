"""How filters are spread over tiles, by brute force."""

import pytest

from xdn.kernels.contract.task import spread


@pytest.mark.parametrize("most", [1, 6, 14])
def test_spread_is_even_and_as_short_as_possible(most):
    for rows in range(1, 200):
        parts = spread(rows, most)
        assert sum(parts) == rows
        assert max(parts) <= most
        assert max(parts) - min(parts) <= 1
        assert parts == sorted(parts, reverse=True)
        assert len(parts) == -(-rows // most)
