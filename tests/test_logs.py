"""Logs of trainings as they are read: rows, but for one that was cut off; damage is named by its line."""

import json

import pytest

from xdn import settings
from xdn.errors import ParseError
from xdn.logs import read_log

ROWS = [{"iteration": i, "epoch": i / 4, "loss": 1.0 / i} for i in (2, 4, 6)]


def written(path):
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_rows_and_empty_lines(tmp_path):
    path = written(tmp_path / "log")
    path.write_text(path.read_text() + "\n\n")
    assert read_log(path) == ROWS


def test_a_row_that_was_cut_off_is_left_out(tmp_path):
    path = written(tmp_path / "log")
    path.write_text(path.read_text()[:-5])
    assert read_log(path) == ROWS[:2]


@pytest.mark.parametrize("line", ["no JSON", "[1]", '{"iteration": "1"}', "[" * 100_000])
def test_what_is_not_a_row_is_named(tmp_path, line):
    path = tmp_path / "log"
    path.write_text(f'{{"iteration": 1}}\n{line}\n')
    with pytest.raises(ParseError, match=r"log:2: this is not a row"):
        read_log(path)


def test_a_log_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "MAX_LOG_BYTES", 10)
    with pytest.raises(ParseError, match="at most 10"):
        read_log(written(tmp_path / "log"))
