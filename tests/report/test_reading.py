"""Results read back: of today, of before the format had a name, and what is not one."""

import json
from dataclasses import asdict

import pytest

from tests.evaluate.contest_results import CONTEST, bar
from tests.report.page.samples import engines, layer, profile
from xdn import settings
from xdn.errors import DataError, ParseError
from xdn.evaluate.origin import origin
from xdn.report.documents import ContestDocument, RunDocument, TrainDocument
from xdn.report.reading import read_result


def read(tmp_path, document):
    """Return what is read of JSON values, or of a text."""
    path = tmp_path / "result.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_result(path)


def run_document(**fields):
    """Return the JSON of a run."""
    return bar("run", 2.0).result.document() | fields


def test_a_run(tmp_path):
    found = read(tmp_path, origin("run", "xdn-run", ["a.prototxt", "--profile"]) | run_document())
    assert isinstance(found, RunDocument)
    assert (found.program, found.arguments) == ("xdn-run", ("a.prototxt", "--profile"))
    assert found.contest == bar("run", 2.0).result.contest


def test_files_of_before_the_format_had_a_name(tmp_path):
    old = run_document()
    del old["contest"]["images"], old["outputs"], old["counted"]
    found = read(tmp_path, old)
    assert (found.format, found.kind, found.contest.images) == ("", "run", 10_000)
    assert isinstance(read(tmp_path, CONTEST.document()), ContestDocument)


def test_further_fields_are_passed_over(tmp_path):
    assert read(tmp_path, run_document(further={"a": 1})).net == "original.prototxt"


def test_a_log_of_a_training(tmp_path):
    path = tmp_path / "net.log.jsonl"
    path.write_text('{"iteration": 1, "epoch": 0.5, "loss": 2.0}\n{"iteration": 2, "epoch": 1, "test_accuracy": 50}\n')
    found = read_result(path)
    assert isinstance(found, TrainDocument)
    assert dict(found.curves) == {"loss": ((0.5,), (2.0,)), "test_accuracy": ((1.0,), (50.0,))}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "not a result of XDN"),
        ({}, "not a result of XDN"),
        ({"format": "xdn.result/9", "kind": "run"}, "'xdn.result/1' is read"),
        ({"format": "xdn.result/1", "kind": "poem"}, "'poem' is not a kind"),
        ({"format": "xdn.result/1", "kind": ["run"]}, "is not a kind"),
        ({"format": "xdn.result/1", "kind": "plot"}, "files: the field is missing"),
        (run_document(net=3), "net: 3 is not a text"),
        (run_document(contest=asdict(bar("run", 0.0).result.contest)), "contest: a time"),
        (CONTEST.document() | {"bars": []}, "no bars"),
        (engines(mode="sleep"), "mode: 'sleep' is not one of contest, throughput, latency"),
        (engines(mode="latency"), "engines: xdn: latency_ms: the time is missing"),
        (engines(images=0), "a number of images, or a ratio"),
        (run_document(profile=profile([layer("a", 1.0)]) | {"workers": 1 << 40}), "profile: a number of images or thr"),
        (run_document(profile=profile([layer("a", -1.0)])), "profile: a time is below zero"),
    ],
)
def test_what_is_not_a_result_is_refused(tmp_path, document, said):
    with pytest.raises(DataError, match=said):
        read(tmp_path, document)


@pytest.mark.parametrize(
    ("text", "curves"),
    [
        (
            '{"iteration": 1, "epoch": 1, "loss": NaN}\n{"iteration": 2, "epoch": 2, "loss": 3}',
            {"loss": ((2.0,), (3.0,))},
        ),
        ('{"iteration": 1, "epoch": 1, "loss": 1e308, "lr": 1}', {"lr": ((1.0,), (1.0,))}),
        ('{"iteration": 1, "epoch": 1, "loss": 1%s, "lr": 1}' % ("0" * 400), {"lr": ((1.0,), (1.0,))}),
    ],
    ids=["not a number", "large", "a large integer"],
)
def test_points_of_a_log_that_cannot_be_drawn_are_left_out(tmp_path, text, curves):
    path = tmp_path / "net.log.jsonl"
    path.write_text(text)
    assert dict(read_result(path).curves) == curves


@pytest.mark.parametrize("text", ["", '{"iteration": 1}', "\0\xff"])
def test_a_log_without_figures_is_refused(tmp_path, text):
    path = tmp_path / "net.log.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match="jsonl: this log of a training has no figures yet"):
        read_result(path)


def test_files_that_are_too_large_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "MAX_RESULT_BYTES", 100)
    with pytest.raises(ParseError, match=r"result\.json.*100"):
        read(tmp_path, " " * 101)


@pytest.mark.parametrize(
    "text", ['{"a": NaN}', '{"a": -1e101}', '{"a": 1e999}', '{"a": 1%s}' % ("0" * 5000), '"\\ud800"', "[" * 10**5]
)
def test_numbers_and_texts_that_no_page_can_show_are_refused(tmp_path, text):
    with pytest.raises(ParseError, match="not JSON"):
        read(tmp_path, text)
