"""The figures of kernels as printed tables."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.report.quantities import count, shape


def case_table(cases: list[dict[str, Any]]) -> Table:
    """Return a table with a row a case."""
    table = Table(box=SIMPLE_HEAD)
    for name in ("family", "layer", "bottoms", "nets"):
        table.add_column(name, overflow="fold")
    for name in ("us/image", "spread", "MACs/image", "GFLOP/s", "of peak", "GB/s"):
        table.add_column(name, justify="right")
    for case in cases:
        text = (
            case["family"],
            f"{case['type']} {case['parameters']}",
            ", ".join(map(shape, case["bottoms"])),
            ", ".join(case["nets"]) or case["origin"],
        )
        table.add_row(*text, *_figures(case))
    return table


def _figures(case: dict[str, Any]) -> tuple[str, ...]:
    if "skipped" in case:
        return (case["skipped"],)
    if not case["kernels"]:
        return ("shares memory",)
    macs = case["macs"]
    return (
        f"{1e3 * case['ms'] / case['images']:.3f}",
        f"{case['spread']:.0%}",
        count(macs) if macs else "",
        f"{case['gflops']:.1f}" if macs else "",
        f"{case['peak_percent']:.1f} %" if macs else "",
        f"{case['gbytes']:.1f}",
    )


def summary_table(families: dict[str, dict[str, Any]]) -> Table:
    """Return a table with a row a family."""
    table = Table("family", "shapes", box=SIMPLE_HEAD)
    for name in ("% of peak: lowest", "median", "highest", "GB/s: lowest", "median", "highest"):
        table.add_column(name, justify="right")
    for family, figures in families.items():
        cells: list[str] = []
        for key in ("peak_percent", "gbytes"):
            cells += [f"{value:.1f}" for value in figures.get(key, ())] or [""] * 3
        table.add_row(family, str(figures["shapes"]), *cells)
    return table


def choice_table(results: list[dict[str, Any]]) -> Table:
    """Return a table with a row a layer that has choices."""
    table = Table(box=SIMPLE_HEAD)
    for name in ("layer", "bottoms", "nets"):
        table.add_column(name, overflow="fold")
    for name in ("choices", "rule, us/image", "best, us/image", "rule / best", "best"):
        table.add_column(name, justify="right")
    for case in results:
        rule, best = case["rule_ms"], case["best_ms"]
        table.add_row(
            f"{case['type']} {case['parameters']}",
            ", ".join(map(shape, case["bottoms"])),
            ", ".join(case["nets"]),
            str(case["choices"]),
            *(f"{1e3 * rule:.2f}", f"{1e3 * best:.2f}", f"{rule / best:.3f}", case["best"]),
        )
    return table


def total_table(totals: dict[str, dict[str, float]]) -> Table:
    """Return a table with a row a net: all its layers that have choices."""
    table = Table("net", box=SIMPLE_HEAD)
    for name in ("rule, us/image", "best, us/image", "rule / best"):
        table.add_column(name, justify="right")
    for net, total in totals.items():
        figures = (1e3 * total["rule_ms"], 1e3 * total["best_ms"])
        table.add_row(net, *(f"{us:.1f}" for us in figures), f"{total['ratio']:.3f}")
    return table
