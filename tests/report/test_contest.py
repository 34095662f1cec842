"""The contest's tables from made-up results."""

from dataclasses import replace

from tests.evaluate.contest_results import CONTEST, PRUNED, bar
from tests.report.rendering import rows
from xdn.report.contest import arithmetic, contest_markdown, sections, waterfall
from xdn.report.section import Section


def section(title, contest=CONTEST):
    (found,) = [each for each in sections(contest) if each.title.startswith(title)]
    return found


def column(found, name):
    return [row[found.columns.index(name)] for row in found.rows]


def test_a_network_has_a_row_unfused_and_one_fused():
    found = section("Networks")
    assert column(found, "") == ["original-1", "original-2", "OPT-B-1", "OPT-B-2"]
    assert column(found, "fusion") == ["no", "yes", "no", "yes"]
    assert column(found, "time, ms") == ["10000", "8000", "5000", "4000"]
    assert column(found, "spread") == ["20.0%"] * 4
    assert column(found, "top-1, %") == ["85.00"] * 4
    assert column(found, "top-5, %") == ["99.00"] * 4
    assert column(found, "MACs removed") == ["0.0%", "0.0%", "50.0%", "50.0%"]
    assert column(found, "parameters removed") == ["0.0%", "0.0%", "75.0%", "75.0%"]


def test_the_waterfall_ends_with_the_pruned_net_in_its_final_form():
    found = section("Waterfall")
    assert [each.key for each in waterfall(CONTEST)] == ["baseline", "pruned", "fused", "offline", "OPT-B-2"]
    assert column(found, "step")[0] == "baseline, 1 thread, batch 100"
    assert column(found, "step")[-1] == "default configuration (OPT-B-2), 2 threads"
    assert column(found, "factor") == ["", "2.00x", "1.50x", "1.33x", "1.50x"]
    assert column(found, "from the start") == ["", "2.00x", "3.00x", "4.00x", "6.00x"]
    assert column(found, "MACs executed") == ["50 M", "20 M", "20 M", "20 M", "20 M"]
    assert column(found, "at the peak, ms") == ["10000", "4000", "4000", "4000", "2000"]
    assert column(found, "time / that") == ["2.40x", "3.00x", "2.00x", "1.50x", "2.00x"]


def test_a_tuned_configuration_is_the_last_step():
    contest = replace(CONTEST, bars=(*CONTEST.bars, bar("tuned", 3.0, threads=2, **PRUNED)))
    found = section("Waterfall", contest)
    assert column(found, "step")[-2:] == ["default configuration (OPT-B-2), 2 threads", "tuned, 2 threads"]
    assert column(found, "factor")[-1] == "1.33x"
    assert column(section("Other engines", contest), "over the last step in f32") == ["66.7x", "20.0x"]
    # It is not a network of its own.
    assert column(section("Networks", contest), "") == ["original-1", "original-2", "OPT-B-1", "OPT-B-2"]


def test_bf16_and_integers_come_last_and_have_no_limit_of_f32():
    numbers = [
        bar(key, seconds, threads=2, peak_gflops=None, **PRUNED) for key, seconds in (("bf16", 2.0), ("int8", 1))
    ]
    contest = replace(CONTEST, bars=(*CONTEST.bars, *numbers))
    found = section("Waterfall", contest)
    assert column(found, "step")[-3:] == [
        "default configuration (OPT-B-2), 2 threads",
        "bf16, 2 threads",
        "int8, 2 threads",
    ]
    assert column(found, "factor")[-2:] == ["2.00x", "2.00x"]
    assert column(found, "at the peak, ms")[-2:] == ["-", "-"]
    # Other engines compute in f32, as the step before these does.
    assert column(section("Other engines", contest), "over the last step in f32") == ["50.0x", "15.0x"]
    assert column(section("Networks", contest), "") == ["original-1", "original-2", "OPT-B-1", "OPT-B-2"]


def test_other_engines_are_compared_with_the_last_step():
    found = section("Other engines")
    assert column(found, "outside") == ["Caffe's algorithm, 2 threads", "OpenCV, dnn, 2 threads, batch 20"]
    assert column(found, "time, ms") == ["200000 (from 200 images)", "60000"]
    assert column(found, "over the last step in f32") == ["50.0x", "15.0x"]
    assert column(found, "MACs executed") == ["50 M", "-"]


def test_pruning_is_what_it_takes_from_time_over_what_it_takes_from_multiplications():
    found = section("Pruning")
    assert found.rows == (("OPT-B-2", "+0.00", "60.0%", "50.0%", "0.83", "2.00x"),)


def test_without_a_chain_there_is_no_waterfall():
    contest = replace(CONTEST, bars=CONTEST.bars[6:])
    assert waterfall(contest) == []
    assert [each.title for each in sections(contest)] == ["Networks", "Pruning"]


def test_what_executes_nothing_that_is_known_has_no_limit():
    assert arithmetic(bar("opencv", 60.0, macs=0)) == ("-", "-", "-")


def test_sections_are_markdown_and_tables():
    found = Section("T", ("name", "n"), (("a", "1"), ("b", "2")))
    assert found.markdown() == "## T\n\n| name | n |\n| --- | ---: |\n| a | 1 |\n| b | 2 |\n"
    assert rows(found.table())[-2:] == [["a", "1"], ["b", "2"]]


def test_the_report_says_what_was_run_and_where():
    text = contest_markdown(CONTEST, "a machine")
    assert text.startswith("10000 images of PNGs; median of 2 rounds in turn; a machine.")
    assert all(f"## {each.title}" in text for each in sections(CONTEST))
    assert any("OPT-B-2" in row for each in sections(CONTEST) for row in rows(each.table()))
