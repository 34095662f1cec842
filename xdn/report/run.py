"""The result of a run over a data set, as people read it."""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.evaluate.accuracy import Accuracy
from xdn.evaluate.answers import Output
from xdn.evaluate.evaluation import Evaluation
from xdn.report.quantities import count, shape, size
from xdn.report.transform import transform_line


def run_table(result: Evaluation) -> Table:
    """Return accuracy, times and what ran."""
    contest = result.contest
    table = Table(box=SIMPLE_HEAD, show_header=False)
    table.add_row("data", result.data)
    table.add_row("net", f"{result.net}, {count(result.macs)} MACs executed an image")
    if result.transform is not None:
        table.add_row("transform", transform_line(result.transform))
    for row in _accuracy(result):
        table.add_row(*row)
    runs = "" if len(contest.runs_s) == 1 else f", median of {len(contest.runs_s)}"
    best, worst = min(contest.runs_s), max(contest.runs_s)
    spread = "" if len(contest.runs_s) == 1 else f" ({1e3 * best:.0f} .. {1e3 * worst:.0f})"
    table.add_row("contest time", f"{1e3 * contest.contest_s:.0f} ms{runs}{spread}, {result.preprocessing}")
    table.add_row("throughput", f"{contest.images_per_s:.0f} images/s")
    if (latency := contest.latency) is not None:
        percentiles = ", ".join(f"p{each.percent:g} {each.ms:.2f} ms" for each in latency.percentiles)
        table.add_row(f"latency, batch {latency.batch}", f"{percentiles} ({latency.requests} requests)")
    compiled = f"{result.kernels_compiled} kernels compiled"
    table.add_row("load, compile", f"{1e3 * result.load_s:.0f} ms, {1e3 * result.compile_s:.0f} ms ({compiled})")
    chunks = f"{result.threads} threads, chunks of {result.chunk_images} images"
    table.add_row("executor", f"{result.isa}, {chunks}, plan {result.plan}")
    table.add_row("layers", f"{result.layers}, {result.fused_layers} of them with what follows them fused")
    if result.liveness_bytes:
        share = result.arena_bytes / result.liveness_bytes
        table.add_row("activations", f"{size(result.arena_bytes)} a thread, {share:.2f} of the liveness bound")
    return table


def _accuracy(result: Evaluation) -> Iterator[tuple[str, str]]:
    """Yield what is known of the classes; where nothing is, what the outputs are instead."""
    accuracy = result.contest.accuracy
    if accuracy is None:
        yield "accuracy", f"none: {result.counted}"
        for output in result.outputs:
            yield f"output {output.name}", _range(output)
        return
    yield from accuracy_rows(accuracy, result.counted)


def accuracy_rows(accuracy: Accuracy, counted: str = "") -> Iterator[tuple[str, str]]:
    """Yield the rows of an accuracy; `counted` is what is to be said of the scores."""
    said = f", {counted}" if counted else ""
    yield "accuracy, top-1", f"{accuracy.percent:.2f} % ({accuracy.correct} of {accuracy.images} images{said})"
    if accuracy.top5_percent is not None:
        yield "top-5", f"{accuracy.top5_percent:.2f} % ({accuracy.top5} of {accuracy.images} images)"
    if accuracy.invalid:
        yield "", f"{accuracy.invalid} images gave scores that are not finite numbers; they count as wrong"


def _range(output: Output) -> str:
    """Return shape and range of an output in words."""
    invalid = f"; {output.invalid} values are not finite numbers" if output.invalid else ""
    values = "" if output.least is None else f", {output.least:.4g} .. {output.most:.4g}"
    return f"{shape(output.shape)}{values}{invalid}"
