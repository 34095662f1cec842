"""Runs in parts as people read them."""

from tests.report.rendering import rendered
from xdn.evaluate.accuracy import Accuracy
from xdn.report.parts import merged_table, progress_line, workers_table
from xdn.shards.merged import Merged, WorkerTimes

WORKERS = (WorkerTimes("a:1", 1, 2, 300, 1.4, 1.5, 4), WorkerTimes("b:2", 2, 1, 100, 1.0, 1.0, 0))
MERGED = Merged("net", "Stripes, test", 400, 3, Accuracy(390, 400, 1, 399), 2.5, 1.5, WORKERS)


def test_what_was_made_is_told():
    assert progress_line(3, 2500, 1.5) == "3 parts, 2500 images in 1.50 s"
    assert "nothing to run" in progress_line(0, 0, 0.0)


def test_the_whole_is_told():
    text = rendered(merged_table(MERGED))
    for said in ("97.50 % (390 of 400 images)", "99.75 %", "1 images gave", "3 parts, 400 images, each once"):
        assert said in text
    assert "2.50 s of 2 workers, the longest 1.50 s" in text
    assert "267 images/s" in text


def test_a_net_without_classes_has_outputs():
    assert "the parts hold its outputs" in rendered(merged_table(Merged("n", "d", 1, 1, None, 1.0, 1.0, WORKERS[:1])))


def test_each_worker_has_a_row():
    rows = rendered(workers_table(MERGED)).splitlines()
    assert [row.split() for row in rows if ":" in row] == [
        ["a:1", "1", "2", "300", "1.40", "s", "1.50", "s", "200", "4"],
        ["b:2", "2", "1", "100", "1.00", "s", "1.00", "s", "100", "0"],
    ]
