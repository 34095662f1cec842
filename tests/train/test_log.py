"""The log of a training: rows as they were written, cut where a training goes on."""

from xdn.logs import read_log
from xdn.train.log import TrainingLog

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
