"""The comparison as numbers and as a printed table."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from engine import BF16, F32, INT8, XDN, titled
from measure import Contestant, median_and_spread
from rich.console import Group
from rich.table import Table

from xdn.evaluate.engines import AS_IT_COMES

#: Figures that are times.
TIMES = ("total_s", "own_form_s", "latency_ms")
#: Number format -> what the ratios to the best other engine in it are called in a document.
RATIOS = {F32: "ratio", BF16: f"ratio_{BF16}", INT8: f"ratio_{INT8}"}


def _latency_figures(latencies_ms: list[list[float]]) -> dict[str, float]:
    medians = [float(np.median(times)) for times in latencies_ms]
    middle, spread = median_and_spread(medians)
    worst = float(np.percentile(np.concatenate(latencies_ms), 99))
    return {"latency_ms": middle, "latency_spread": spread, "latency_p99_ms": worst}


def _figures(c: Contestant, images: int, labels: np.ndarray | None) -> dict[str, Any]:
    """Return one contestant's figures; times in seconds for all images, or milliseconds for one."""
    found: dict[str, Any] = {
        "precision": c.engine.model.precision,
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
        found["top1_percent"] = 100 * found["correct"] / len(labels)
    return found


def _beside_f32(c: Contestant, real: Contestant | None) -> dict[str, Any]:
    """Return what is said of a contestant in bf16 or 8-bit integers beside XDN in f32, where that takes part."""
    found: dict[str, Any] = {}
    if c.engine.model.precision == INT8:
        found["quantizer"] = f"{c.engine.quantizer} {version(c.engine.quantizer)}"
    if real and real.labels is not None and c.labels is not None:
        found["labels_as_f32"] = int((c.labels == real.labels).sum())
    return found


def summary(
    contestants: Sequence[Contestant], images: int, labels: np.ndarray | None, differences: Mapping[str, float]
) -> dict[str, Any]:
    """Return contestant -> figures.

    Each has `ratio_*`, its time over that of XDN in the same number format; those in others have `ratio_f32_*`,
    too, over XDN in f32.
    """
    found = {c.name: _figures(c, images, labels) for c in contestants}
    real = next((c for c in contestants if c.name == XDN), None)
    for c in contestants:
        figures = found[c.name]
        figures["largest_difference"] = differences[c.name]
        own = figures["precision"]
        bases = {"ratio": titled(XDN, own)} | ({} if own == F32 else {f"ratio_{F32}": XDN})
        for key in TIMES:
            if key in figures:
                figures |= {f"{r}_{key}": figures[key] / found[base][key] for r, base in bases.items() if base in found}
        if own != F32:
            figures |= _beside_f32(c, real)
    return found


#: Figure -> (row's title, format).
ROWS = {
    "version": ("version", "{}"),
    "quantizer": ("quantized by", "{}"),
    "batch": ("batch", "{}"),
    "variant": ("run as", "{}"),
    "total_s": ("contest, s", "{:.3f}"),
    "total_spread": ("  spread", "{:.0%}"),
    "total_images_per_s": ("  images/s", "{:.0f}"),
    "ratio_total_s": ("  / xdn", "{:.3f}"),
    "ratio_f32_total_s": ("  / xdn f32", "{:.3f}"),
    "own_form_s": ("own form, s", "{:.3f}"),
    "own_form_spread": ("  spread", "{:.0%}"),
    "own_form_images_per_s": ("  images/s", "{:.0f}"),
    "ratio_own_form_s": ("  / xdn", "{:.3f}"),
    "ratio_f32_own_form_s": ("  / xdn f32", "{:.3f}"),
    "latency_ms": ("latency, ms", "{:.3f}"),
    "latency_spread": ("  spread", "{:.0%}"),
    "latency_p99_ms": ("  99 %, ms", "{:.3f}"),
    "ratio_latency_ms": ("  / xdn", "{:.3f}"),
    "ratio_f32_latency_ms": ("  / xdn f32", "{:.3f}"),
    "correct": ("correct", "{}"),
    "top1_percent": ("  top-1, %", "{:.2f}"),
    "labels_as_f32": ("labels as xdn f32", "{}"),
    "largest_difference": ("difference", "{:.0e}"),
}


def best_others(engines: Mapping[str, Any], precision: str) -> dict[str, dict[str, Any]]:
    """Return, for each time that was taken, the best other engine in a number format and its time over XDN's in it.

    Engines as they come are left out.
    """
    found = {}
    others = {
        name: figures
        for name, figures in engines.items()
        if figures["precision"] == precision and name != titled(XDN, precision) and AS_IT_COMES not in name
    }
    for key in TIMES:
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
        f"ratio, best other / {titled(XDN, precision)}, {ROWS[key][0]}: {found['ratio']:.3f} ({found['engine']})"
        for precision, name in RATIOS.items()
        for key, found in document.get(name, {}).items()
    ]
    notes = [f"{name}: {why}" for name, why in document["missing"].items()]
    return Group(printed, *verdict, *notes, place(document["machine"]))
