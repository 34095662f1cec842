"""The table of a run."""

import pytest
from rich.console import Console

from xdn.evaluate.accuracy import Accuracy
from xdn.evaluate.contest import ContestResult
from xdn.evaluate.job import RunResult
from xdn.evaluate.timing import Latency
from xdn.report.run import run_table


def shown(runs_s, invalid=0, top5=None, latency=True):
    """Return the text of a run's table, spaces folded."""
    accuracy = Accuracy(9100, 10_000, invalid, top5)
    contest = ContestResult(accuracy, sorted(runs_s)[len(runs_s) // 2], runs_s, LATENCY if latency else None)
    result = RunResult(
        net="net.prototxt",
        data="CIFAR-10, test",
        preprocessing="packed data",
        contest=contest,
        macs=60_291_840,
        load_s=0.25,
        compile_s=1.5,
        kernels_compiled=3,
        threads=2,
        chunk_images=96,
        arena_bytes=11 << 20,
        liveness_bytes=10 << 20,
        plan="0123456789ab",
        isa="avx512f",
        layers=29,
        fused_layers=18,
    )
    console = Console(width=200)
    with console.capture() as captured:
        console.print(run_table(result))
    return " ".join(captured.get().split())


LATENCY = Latency(requests=200, batch=1, p50_ms=1.234, p90_ms=2.345, p99_ms=3.456, max_ms=9.0)


@pytest.mark.parametrize(
    "text",
    [
        "data CIFAR-10, test",
        "net net.prototxt, 60.3 M MACs executed an image",
        "accuracy, top-1 91.00 % (9100 of 10000 images)",
        "contest time 5000 ms, packed data",
        "throughput 2000 images/s",
        "latency, batch 1 p50 1.23 ms, p90 2.35 ms, p99 3.46 ms (200 requests)",
        "load, compile 250 ms, 1500 ms (3 kernels compiled)",
        "executor avx512f, 2 threads, chunks of 96 images, plan 0123456789ab",
        "layers 29, 18 of them with what follows them fused",
        "activations 11 MiB a thread, 1.10 of the liveness bound",
    ],
)
def test_a_row_a_figure(text):
    assert text in shown((5.0,))


def test_repeated_runs_show_their_median_and_spread():
    assert "contest time 5000 ms, median of 3 (4000 .. 7000), packed data" in shown((5.0, 4.0, 7.0))


def test_scores_that_are_no_numbers_are_reported():
    assert "7 images gave scores that are no finite numbers" in shown((5.0,), invalid=7)
    assert "finite" not in shown((5.0,))


def test_top_5_is_shown_where_it_says_something():
    assert "top-5 99.00 % (9900 of 10000 images)" in shown((5.0,), top5=9900)
    assert "top-5" not in shown((5.0,))


def test_a_run_without_single_requests_shows_no_latency():
    assert "latency" not in shown((5.0,), latency=False)
