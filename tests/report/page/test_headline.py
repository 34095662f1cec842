"""The three figures: what stands for before and after."""

from tests.report.page.samples import AFTER, BEFORE, contest, optimized, results, run, search, training
from xdn.report.page.headline import headline, subject
from xdn.report.page.words import Words


def figures(**documents):
    """Return (before, after, mark) of accuracy, time and size."""
    return [(each.before, each.after, each.mark) for each in headline(results(**documents), Words())]


def test_the_first_and_the_last_run():
    assert figures(before=BEFORE, after=AFTER) == [
        ("85.00 %", "85.00 %", ""),
        ("4.00 s", "1.00 s", "better"),
        ("1.03 MiB", "132 KiB", "better"),
    ]


def test_one_run_has_no_before():
    assert [before for before, _, _ in figures(before=BEFORE)] == ["", "", ""]


def test_a_search_tells_the_default():
    assert figures(run=run(1.0, [], tuning=search()))[1] == ("2.00 s", "1.00 s", "better")


def test_what_the_optimizer_says():
    found = figures(optimize=optimized())
    assert found[0] == ("85.00 %", "84.00 %", "worse")
    assert found[1] == ("", "not measured", "")
    assert found[2] == ("1.03 MiB", "132 KiB", "better")


def test_a_contest_goes_from_the_first_step_to_the_last():
    assert figures(contest=contest())[1] == ("24.0 s", "4.00 s", "better")


def test_nothing_is_measured():
    assert {after for _, after, _ in figures(train=training())} == {"not measured"}
    assert subject(results(train=training()), Words()) == ("train", "")


def test_the_subject_is_the_last_net():
    name, line = subject(results(before=BEFORE, after=AFTER), Words("zh"))
    assert name == "original.prototxt"
    assert "1 个线程" in line
