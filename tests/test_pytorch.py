"""What the tests do where PyTorch is missing, and what passes between processes of tests."""

import pytest

from tests.conftest import pytest_report_to_serializable
from tests.pytorch import _Names


def test_a_call_without_pytorch_skips_the_test():
    table = {"SUM": _Names().nn.functional.relu}
    with pytest.raises(pytest.skip.Exception, match=r"PyTorch is not installed.*\[train\]"):
        table["SUM"](1)


def test_any_report_can_be_sent_to_the_terminal():
    wrapped = pytest_report_to_serializable()
    next(wrapped)
    with pytest.raises(StopIteration) as stopped:
        wrapped.send({"sections": [("log", "caf\udce9 é"), ["\ud800"]], "duration": 1.5, "\udc80": None})
    assert stopped.value.value == {"sections": [("log", "caf\\udce9 é"), ["\\ud800"]], "duration": 1.5, "\\udc80": None}
