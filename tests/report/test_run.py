"""The table of a run."""

from dataclasses import replace

import pytest
from rich.console import Console

from xdn.evaluate.accuracy import Accuracy
from xdn.evaluate.answers import Output
from xdn.evaluate.contest import ContestResult
from xdn.evaluate.evaluation import Evaluation
from xdn.evaluate.timing import Latency, Percentile
from xdn.report.run import run_table


def shown(runs_s, invalid=0, top5=None, latency=True, scored=True, **fields):
    """Return the text of a run's table, spaces folded."""
    accuracy, median = Accuracy(9100, 10_000, invalid, top5) if scored else None, sorted(runs_s)[len(runs_s) // 2]
    contest = ContestResult(accuracy, median, runs_s, 10_000, LATENCY if latency else None)
    own = {
        "net": "net.prototxt",
        "data": "CIFAR-10, test",
        "preprocessing": "packed data",
        "macs": 60_291_840,
        "load_s": 0.25,
        "compile_s": 1.5,
        "kernels_compiled": 3,
        "threads": 2,
        "chunk_images": 96,
        "arena_bytes": 11 << 20,
        "liveness_bytes": 10 << 20,
        "plan": "0123456789ab",
        "isa": "avx512f",
        "layers": 29,
        "fused_layers": 18,
    }
    result = Evaluation(**own | {"contest": contest} | fields)
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


def test_percentiles_that_were_asked_for_are_shown():
    contest = ContestResult(None, 1.0, (1.0,), 10, replace(LATENCY, asked=(Percentile(99.9, 3.5),)))
    assert "p99.9 3.50 ms (200 requests)" in shown((1.0,), contest=contest)


def test_repeated_runs_show_their_median_and_spread():
    assert "contest time 5000 ms, median of 3 (4000 .. 7000), packed data" in shown((5.0, 4.0, 7.0))


def test_scores_that_are_not_numbers_are_reported():
    assert "7 images gave scores that are not finite numbers" in shown((5.0,), invalid=7)
    assert "finite" not in shown((5.0,))


def test_top_5_is_shown_where_it_says_something():
    assert "top-5 99.00 % (9900 of 10000 images)" in shown((5.0,), top5=9900)
    assert "top-5" not in shown((5.0,))


def test_a_run_without_single_requests_shows_no_latency():
    assert "latency" not in shown((5.0,), latency=False)


def test_another_classifier_is_named():
    text = "91.00 % (9100 of 10000 images, by 'loss3'; other classifiers: 'loss1')"
    assert text in shown((5.0,), counted="by 'loss3'; other classifiers: 'loss1'")


def test_of_a_net_that_is_not_a_classifier_the_outputs_are_shown():
    outputs = Output("boxes", (1, 1, 200, 7), -1.5, 20.25), Output("mask", (2, 3), None, None, 6)
    text = shown((5.0,), scored=False, counted="no output has a score", outputs=outputs)
    assert "accuracy none: no output has a score" in text
    assert "output boxes 1x1x200x7, -1.5 .. 20.25" in text
    assert "output mask 2x3; 6 values are not finite numbers" in text
    assert "top-1" not in text
    assert "throughput 2000 images/s" in text


def test_a_net_without_activations_of_its_own_has_no_share_of_them():
    assert "activations" not in shown((5.0,), arena_bytes=0, liveness_bytes=0)
