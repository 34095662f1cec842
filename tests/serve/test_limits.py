"""What requests may take."""

import pytest

from xdn.serve.limits import Limits, Store
from xdn.serve.messages import OverloadedError


def test_a_request_may_ask_for_less_time_and_not_for_more():
    limits = Limits(time_limit_s=5.0)
    assert limits.deadline(100.0) == limits.deadline(100.0, None, 7.0) == 105.0
    assert limits.deadline(100.0, 3.0, 2.0) == limits.deadline(100.0, None, 2.0) == 102.0
    assert [limits.deadline(100.0, asked) for asked in (None, 2.0, 9.0)] == [105.0, 102.0, 105.0]


def test_bytes_are_held_until_a_request_ends():
    store = Store(10)
    with store.holding() as first:
        first.add(4)
        first.add(4)
        with store.holding() as second, pytest.raises(OverloadedError):
            second.add(3)
        with store.holding() as second:
            second.add(2)
        assert store.bytes == 8
    assert store.bytes == 0
