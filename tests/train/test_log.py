"""The log: rows as they were written, cut where a training goes on, damage named by its line."""

import pytest

from xdn import settings
from xdn.errors import ParseError
from xdn.train.log import TrainingLog, read_log

ROWS = [{"iteration": i, "epoch": i / 4, "loss": 1.0 / i} for i in (2, 4, 6)]


def written(path):
    log = TrainingLog(path)
    for row in ROWS:
        log.append(row)
    return path


def test_rows_come_back(tmp_path):
    assert read_log(written(tmp_path / "a" / "net.log.jsonl")) == ROWS


def test_a_training_that_goes_on_removes_later_rows(tmp_path):
    path = written(tmp_path / "log")
    TrainingLog(path, 4).append({"iteration": 5})
    assert read_log(path) == [*ROWS[:2], {"iteration": 5}]


def test_a_training_from_the_beginning_begins_a_new_log(tmp_path):
    TrainingLog(written(tmp_path / "log"))
    assert read_log(tmp_path / "log") == []


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
