"""Numbers as people read them."""

import pytest

from xdn.report import quantities


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1 k"),
        (1234, "1.23 k"),
        (3_858_000_000, "3.86 G"),
        (25_610_152, "25.6 M"),
        (999_999, "1.00 M"),
        (118_013_952, "118 M"),
        (12.345, "12.3"),
    ],
)
def test_count(value, text):
    assert quantities.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1_572_864, "1.50 MiB"), (5 << 30, "5 GiB")]
)
def test_size(value, text):
    assert quantities.size(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (0.0, "0"), (1.234e-7, "1.2e-07")])
def test_difference(value, text):
    assert quantities.difference(value) == text


def test_shape():
    assert quantities.shape((1, 3, 32, 32)) == "1x3x32x32"
    assert quantities.shape(()) == "scalar"


def test_counted():
    assert [quantities.counted(number, "thread") for number in (0, 1, 2)] == ["0 threads", "1 thread", "2 threads"]
