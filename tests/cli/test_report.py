"""xdn-report: the forms of a report, and what is refused."""

import json

import pytest

from tests.report.page.samples import AFTER, BEFORE, training
from xdn.cli.report import main


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Return the files of two runs, and work in their folder."""
    monkeypatch.chdir(tmp_path)
    for name, document in (("before.json", BEFORE), ("after.json", AFTER), ("train.json", training())):
        (tmp_path / name).write_text(json.dumps(document))
    return ["before.json", "after.json"]


def test_in_the_terminal(runs, capsys):
    assert main(runs) == 0
    out = capsys.readouterr().out
    assert "Time: 4.00 s -> 1.00 s (4.00 times as fast)" in out
    assert all(each.isprintable() for each in out.replace("\n", ""))


def test_as_a_page_in_chinese(runs, tmp_path, capsys):
    assert main([*runs, "-o", "report.html", "--lang", "zh"]) == 0
    assert capsys.readouterr().out == "written: report.html\n"
    page = (tmp_path / "report.html").read_text()
    assert '<html lang="zh-CN">' in page
    assert "速度为原来的 4.00 倍" in page


def test_as_csv(runs, tmp_path):
    assert main([*runs, "-o", "layers.csv"]) == 0
    assert "conv1,Convolution,1.0," in (tmp_path / "layers.csv").read_text()
    assert main([*runs, "-o", "noise.csv", "--section", "noise"]) == 0
    assert (tmp_path / "noise.csv").read_text().splitlines()[1].startswith("Noise,before,")


def test_as_a_trace(runs, tmp_path):
    assert main([*runs, "-o", "trace.json"]) == 0
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {event["name"] for event in events} == {"process_name", "thread_name", "conv1"}


def test_sections_are_listed(capsys):
    assert main(["--list"]) == 0
    assert "roofline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["none.json"], "none.json: no such file"),
        (["before.json", "-o", "before.json"], "the output would overwrite before.json"),
        (["before.json", "-o", "report.pdf"], "'.pdf' is not a kind of report"),
        (["before.json", "-o", "x.csv", "--section", "poem"], "unknown section 'poem'"),
        (["train.json", "-o", "x.json"], "the results have no profile"),
    ],
)
def test_what_is_refused(runs, capsys, args, said):
    assert main(args) == 1
    assert said in capsys.readouterr().err


def test_nothing_to_report_is_a_wrong_use(runs):
    with pytest.raises(SystemExit, match="2"):
        main([])
