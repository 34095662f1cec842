"""The result of a run over a data set, as people read it."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.evaluate.job import RunResult
from xdn.evaluate.timing import Latency
from xdn.report.quantities import count, size
from xdn.report.transform import transform_line


def run_table(result: RunResult) -> Table:
    """Return accuracy, times and what ran."""
    contest, accuracy = result.contest, result.contest.accuracy
    table = Table(box=SIMPLE_HEAD, show_header=False)
    table.add_row("data", result.data)
    table.add_row("net", f"{result.net}, {count(result.macs)} MACs executed an image")
    if result.transform is not None:
        table.add_row("transform", transform_line(result.transform))
    table.add_row("accuracy, top-1", f"{accuracy.percent:.2f} % ({accuracy.correct} of {accuracy.images} images)")
    if accuracy.top5_percent is not None:
        table.add_row("top-5", f"{accuracy.top5_percent:.2f} % ({accuracy.top5} of {accuracy.images} images)")
    if accuracy.invalid:
        table.add_row("", f"{accuracy.invalid} images gave scores that are no finite numbers; they count as wrong")
    runs = "" if len(contest.runs_s) == 1 else f", median of {len(contest.runs_s)}"
    best, worst = min(contest.runs_s), max(contest.runs_s)
    spread = "" if len(contest.runs_s) == 1 else f" ({1e3 * best:.0f} .. {1e3 * worst:.0f})"
    table.add_row("contest time", f"{1e3 * contest.contest_s:.0f} ms{runs}{spread}, {result.preprocessing}")
    table.add_row("throughput", f"{contest.images_per_s:.0f} images/s")
    if contest.latency is not None:
        table.add_row(*_latency(contest.latency))
    compiled = f"{result.kernels_compiled} kernels compiled"
    table.add_row("load, compile", f"{1e3 * result.load_s:.0f} ms, {1e3 * result.compile_s:.0f} ms ({compiled})")
    table.add_row(
        "executor",
        f"{result.isa}, {result.threads} threads, chunks of {result.chunk_images} images, plan {result.plan}",
    )
    table.add_row("layers", f"{result.layers}, {result.fused_layers} of them with what follows them fused")
    share = result.arena_bytes / result.liveness_bytes
    table.add_row("activations", f"{size(result.arena_bytes)} a thread, {share:.2f} of the liveness bound")
    return table


def _latency(latency: Latency) -> tuple[str, str]:
    return (
        f"latency, batch {latency.batch}",
        f"p50 {latency.p50_ms:.2f} ms, p90 {latency.p90_ms:.2f} ms, p99 {latency.p99_ms:.2f} ms "
        f"({latency.requests} requests)",
    )
