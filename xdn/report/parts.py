"""The result of a run in parts, as people read it."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.report.quantities import counted, duration
from xdn.report.run import accuracy_rows
from xdn.report.section import table
from xdn.shards.merged import Merged


def progress_line(parts: int, images: int, seconds: float) -> str:
    """Return what was made now, in words."""
    if not parts:
        return "nothing to run: all parts that were asked for are there"
    return f"{counted(parts, 'part')}, {counted(images, 'image')} in {duration(seconds)}"


def merged_table(result: Merged) -> Table:
    """Return accuracy and times of all parts."""
    made = Table(box=SIMPLE_HEAD, show_header=False)
    made.add_row("data", result.data)
    made.add_row("net", result.net)
    if result.accuracy is None:
        made.add_row("accuracy", "none: the net tells no classes, the parts hold its outputs")
    else:
        for row in accuracy_rows(result.accuracy):
            made.add_row(*row)
    made.add_row("parts", f"{counted(result.parts, 'part')}, {counted(result.images, 'image')}, each once")
    workers = counted(len(result.workers), "worker")
    made.add_row("time", f"{duration(result.busy_s)} of {workers}, the longest {duration(result.longest_s)}")
    made.add_row("throughput", f"{result.images_per_s:.0f} images/s, where all workers begin together")
    return made


def workers_table(result: Merged) -> Table:
    """Return a table with a row for each process that took part."""
    columns = ("worker", "threads", "parts", "images", "computed", "in", "images/s", "kernels compiled")
    rows = [
        (
            each.worker,
            str(each.threads),
            str(each.parts),
            str(each.images),
            duration(each.busy_s),
            duration(each.span_s),
            f"{each.images / each.span_s:.0f}",
            str(each.kernels_compiled),
        )
        for each in result.workers
    ]
    return table(columns, rows, words=1)
