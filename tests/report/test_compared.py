"""The table of a session beside other engines."""

from types import SimpleNamespace

from tests.report.rendering import rows
from xdn.evaluate.accuracy import Accuracy
from xdn.evaluate.compared import Compared
from xdn.evaluate.contest import ContestResult
from xdn.evaluate.timing import Latency
from xdn.report.compared import compared_document, compared_table


def contest(seconds, right=70, latency=None):
    """Return a result over 100 images."""
    return ContestResult(None if right is None else Accuracy(right, 100), seconds, (seconds,), 100, latency)


def run(**fields):
    """Return what the table reads of a run."""
    return SimpleNamespace(engine="XDN 1", batch=None, precision="int8", threads=2, **fields)


def test_a_row_an_engine():
    latency = Latency(9, 1, 1.0, 2.0, 3.0, 4.0)
    own = run(contest=contest(0.5, latency=latency))
    other = Compared("onnxruntime 1", contest(1.0, 71, latency), 16, "intra-op threads", 1.5e-7)
    title, header, _, *found = rows(compared_table(own, [other]))
    assert title == ["2 threads each, in turn; latency of single images"]
    columns = ["engine", "run as", "ms", "/ XDN", "images/s", "p50, ms", "p90, ms", "p99, ms", "right", "differs by"]
    assert header == columns
    times = ["1.000", "2.000", "3.000"]
    assert found == [
        ["XDN 1", "int8, all in one call", "500.0", "1.00x", "200", *times, "70"],
        ["onnxruntime 1", "f32, batch 16, intra-op threads", "1000.0", "2.00x", "100", *times, "71", "1.5e-07"],
    ]
    (row,) = compared_document(own, [other])["compared"]
    assert (row["engine"], row["ratio"], row["contest"]["latency"]["p50_ms"]) == ("onnxruntime 1", 2.0, 1.0)


def test_without_labels_and_single_images_there_are_fewer_columns():
    own = run(contest=contest(0.5, None))
    header = rows(compared_table(own, [Compared("o", contest(1.0, None), 16, "v", None)]))[1]
    assert header == ["engine", "run as", "ms", "/ XDN", "images/s", "differs by"]


def test_without_other_engines_the_document_has_none():
    assert compared_document(run(contest=contest(1.0)), []) == {}
