"""How much is at hand at most."""

import pytest

from xdn.serve.admission import Admission
from xdn.serve.messages import OverloadedError, TooLargeError


def test_requests_and_bytes_are_bounded_as_long_as_they_are_at_hand():
    admission = Admission(2, 100)
    with admission.admitted(60):
        with pytest.raises(OverloadedError, match="1 requests"), admission.admitted(41):
            pass
        with admission.admitted(40), pytest.raises(OverloadedError, match="2 requests"), admission.admitted(0):
            pass
        assert admission.requests == 1
    with admission.admitted(100):
        assert admission.requests == 1
    assert admission.requests == 0


def test_what_can_never_be_kept_is_too_large():
    with pytest.raises(TooLargeError), Admission(2, 100).admitted(101):
        pass


def test_a_request_that_fails_is_not_at_hand_any_more():
    admission = Admission(1, 1)
    with pytest.raises(ZeroDivisionError), admission.admitted(1):
        raise ZeroDivisionError
    assert admission.requests == 0
