"""Fronts: what nothing beats in both costs, of runs and of a search."""

import pytest

from tests.report.page.samples import COST, results, run, search
from xdn.report.page.charts.fronts import front
from xdn.report.page.sections.pareto import pareto
from xdn.report.page.sections.tuning import tuning
from xdn.report.page.words import Words


@pytest.mark.parametrize(
    ("places", "kept"),
    [
        ([], ""),
        ([("a", 1, 1)], "a"),
        ([("c", 3, 1), ("a", 1, 3), ("b", 2, 2)], "abc"),
        # Beaten in one cost at the same other, and in both.
        ([("a", 1, 3), ("b", 1, 4), ("c", 2, 3), ("d", 2, 5), ("e", 3, 2)], "ae"),
        ([("a", 1, 1), ("b", 1, 1)], "a"),
    ],
)
def test_what_is_beaten_is_not_on_the_front(places, kept):
    assert "".join(name for name, _, _ in front(places)) == kept


def test_several_runs_trade_time_for_memory():
    words = Words()
    heavy = COST | {"weight_bytes": 5 << 20}
    made = [run(seconds, [], cost=cost) for seconds, cost in ((1.0, heavy), (2.0, COST), (3.0, COST))]
    found = results(**{f"run{number}": each for number, each in enumerate(made)})
    about, blocks = pareto(found, words)
    assert about == words("pareto_runs")
    assert [block.title for block in blocks] == [words("pareto"), words("pareto_memory")]
    megabytes = (made[0]["threads"] * made[0]["arena_bytes"] + heavy["weight_bytes"]) / 2**20
    assert f"run0: 1.000 s, {megabytes:.1f} MiB" in blocks[1].svg
    # Two runs are a comparison; runs that take as much have nothing to trade.
    assert pareto(results(a=made[0], b=made[1]), words) == ("", [])
    same = pareto(results(a=made[1], b=made[1], c=made[2]), words)[1]
    assert [block.title for block in same] == [words("pareto")]


def test_a_search_trades_threads_for_time():
    words = Words()
    _, blocks = tuning(results(a=run(1.0, [], tuning=search())), words)
    (drawn,) = [block for block in blocks if block.title == words("time_threads")]
    # The best of each number of threads; failed trials do not count.
    assert "threads: 1: 1.000" in drawn.svg
    assert "threads: 2: 0.500" in drawn.svg
    assert "other" not in drawn.svg
    more = [*search()["trials"], {"values": {"threads": 4}, "share": 1.0, "score": 0.5, "error": ""}]
    _, blocks = tuning(results(a=run(1.0, [], tuning=search() | {"trials": more})), words)
    (drawn,) = [block for block in blocks if block.title == words("time_threads")]
    assert drawn.svg.count('class="other"') == 1
    alone = search() | {"trials": [trial for trial in search()["trials"] if trial["values"]["threads"] == 1]}
    _, blocks = tuning(results(a=run(1.0, [], tuning=alone)), words)
    assert words("time_threads") not in [block.title for block in blocks]
