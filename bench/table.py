"""The comparison as numbers and as a printed table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from engine import AS_IT_COMES
from measure import Contestant, median_and_spread
from rich.console import Group
from rich.table import Table


def _latency_figures(latencies_ms: list[list[float]]) -> dict[str, float]:
    medians = [float(np.median(times)) for times in latencies_ms]
    middle, spread = median_and_spread(medians)
    worst = float(np.percentile(np.concatenate(latencies_ms), 99))
    return {"latency_ms": middle, "latency_spread": spread, "latency_p99_ms": worst}


def _figures(c: Contestant, images: int, labels: np.ndarray | None) -> dict[str, Any]:
    """Return one contestant's figures; times in seconds for all images, or milliseconds for one."""
    found: dict[str, Any] = {
        "version": c.engine.version(),
        "batch": c.setting.batch,
        "variant": c.setting.variant,
    }
    for name, values in (("total", c.total_s), ("own_form", c.own_form_s)):
        if values:
            middle, spread = median_and_spread(values)
            found |= {f"{name}_s": middle, f"{name}_spread": spread, f"{name}_images_per_s": images / middle}
    if c.latencies_ms:
        found |= _latency_figures(c.latencies_ms)
    if labels is not None and c.labels is not None:
        found["correct"] = int((c.labels == labels).sum())
    return found


def summary(
    contestants: Sequence[Contestant], images: int, labels: np.ndarray | None, differences: Mapping[str, float]
) -> dict[str, Any]:
    """Return engine -> figures, each with `ratio_*`: this engine's time over XDN's."""
    found = {c.name: _figures(c, images, labels) for c in contestants}
    for name, figures in found.items():
        figures["largest_difference"] = differences[name]
        for key in ("total_s", "own_form_s", "latency_ms"):
            if key in figures and "xdn" in found:
                figures[f"ratio_{key}"] = figures[key] / found["xdn"][key]
    return found


#: Figure -> (row's title, format).
ROWS = {
    "version": ("version", "{}"),
    "batch": ("batch", "{}"),
    "variant": ("run as", "{}"),
    "total_s": ("contest, s", "{:.3f}"),
    "total_spread": ("  spread", "{:.0%}"),
    "total_images_per_s": ("  images/s", "{:.0f}"),
    "ratio_total_s": ("  / xdn", "{:.3f}"),
    "own_form_s": ("own form, s", "{:.3f}"),
    "own_form_spread": ("  spread", "{:.0%}"),
    "own_form_images_per_s": ("  images/s", "{:.0f}"),
    "ratio_own_form_s": ("  / xdn", "{:.3f}"),
    "latency_ms": ("latency, ms", "{:.3f}"),
    "latency_spread": ("  spread", "{:.0%}"),
    "latency_p99_ms": ("  99 %, ms", "{:.3f}"),
    "ratio_latency_ms": ("  / xdn", "{:.3f}"),
    "correct": ("correct", "{}"),
    "largest_difference": ("difference", "{:.0e}"),
}


def best_others(engines: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return, for each time that was taken, the best other engine and its time over XDN's; none as it comes."""
    found = {}
    others = {name: figures for name, figures in engines.items() if name != "xdn" and AS_IT_COMES not in name}
    for key in ("total_s", "own_form_s", "latency_ms"):
        ratios = {name: figures[f"ratio_{key}"] for name, figures in others.items() if f"ratio_{key}" in figures}
        if ratios:
            best = min(ratios, key=ratios.__getitem__)
            found[key] = {"engine": best, "ratio": ratios[best]}
    return found


def place(machine: Mapping[str, Any]) -> str:
    """Return where figures were taken, as one line."""
    return f"{machine['cpu']}, {machine['usable_cores']} cores, {machine['system']}"


def table(document: Mapping[str, Any]) -> Group:
    """Return the table, what it was taken with, and the ratios."""
    engines = document["engines"]
    title = f"{document['net']}, {document['precision']}, {document['images']} images, {document['data']}"
    title = f"{title}, {document['threads']} threads, {document['mode']}, median of {document['rounds']} rounds"
    printed = Table(title=title)
    printed.add_column("")
    for name in engines:
        printed.add_column(name, justify="right")
    for key, (row, form) in ROWS.items():
        cells = [form.format(figures[key]) if key in figures else "" for figures in engines.values()]
        if any(cells):
            printed.add_row(row, *cells)
    verdict = [
        f"ratio, best other / xdn, {ROWS[key][0]}: {found['ratio']:.3f} ({found['engine']})"
        for key, found in document["ratio"].items()
    ]
    notes = [f"{name}: {why}" for name, why in document["missing"].items()]
    return Group(printed, *verdict, *notes, place(document["machine"]))
