"""A machine as a table: what is measured, of one thread and of all."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.kernels.machine.model import Level, Machine, Rate
from xdn.report.quantities import counted, size

#: Element -> by what instructions it is multiplied.
_HOW = {"f32": "fused multiply-adds", "bf16": "dot products of two", "s8": "dot products of four"}


def machine_table(machine: Machine) -> Table:
    """Return a table with a row a figure; figures that other programs may have disturbed are marked."""
    title = f"{machine.processor}, {machine.instruction_set}, {counted(machine.threads, 'thread')}"
    notes = () if machine.sure else ("~ other programs may have disturbed this figure: measure again with --again",)
    table = Table(title=title, box=SIMPLE_HEAD, caption="\n".join(notes) or None, caption_justify="left")
    table.add_column("what")
    for name in ("1 thread", counted(machine.threads, "thread"), "unit"):
        table.add_column(name, justify="left" if name == "unit" else "right")
    for element, rate in machine.macs.items():
        table.add_row(f"{element}, {_HOW[element]}", *marked(rate), "10^9 multiply-adds/s")
    table.add_row("f32, a kernel's own loop", *marked(machine.tile_macs), "10^9 multiply-adds/s")
    for level in machine.levels:
        table.add_row(f"read from {_place(level)}", *marked(level.gbytes), "10^9 bytes/s")
    table.add_row("clock", f"{machine.ghz:.2f}", "", "GHz")
    table.add_row("clock beside wide vectors", f"{machine.ghz_wide:.2f}", "", "GHz")
    if machine.threads > 1:
        table.add_row("threads meet", "", f"{machine.barrier_ns:.0f}{_mark(machine.barrier_sure)}", "ns")
    return table


def _place(level: Level) -> str:
    """Return a cache with its size, or memory."""
    return f"{level.name}, {size(level.bytes)} for {counted(level.shared_by, 'processor')}" if level.bytes else "memory"


def marked(rate: Rate) -> tuple[str, str]:
    """Return a rate of one thread, and of all; marked where other programs may have disturbed it."""
    return f"{rate.one:.1f}{_mark(rate.sure)}", f"{rate.all:.1f}{_mark(rate.sure)}"


def _mark(sure: bool) -> str:
    return "" if sure else " ~"
