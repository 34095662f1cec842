"""What each layer loses by reading integers, as tables and JSON."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from xdn.report.quantities import counted
from xdn.report.section import table

if TYPE_CHECKING:
    from xdn.graph import Array
    from xdn.optimize.quantize.histogram import Histogram
    from xdn.optimize.quantize.sensitivity import Sensitivity

#: Bars of a histogram, each one character high: from nothing to the fullest.
BARS = 24
_HEIGHTS = " ▁▂▃▄▅▆▇█"


def sensitivity_table(found: "Sensitivity") -> Table:
    """Return a table with a row a layer: the errors of its values, and accuracies of nets that differ in it."""
    rows = [
        (
            each.layer,
            "exact" if each.sqnr_db is None else f"{each.sqnr_db:.1f}",
            f"{each.cosine:.6f}",
            _percent(each.alone),
            _percent(each.others),
        )
        for each in found.layers
    ]
    title = f"accuracy: {_percent(found.f32)} in f32, {_percent(found.quantized)} quantized"
    if found.scored:
        title += f", on {counted(found.scored, 'image')} that scales were not chosen by"
    return table(("layer", "SQNR, dB", "cosine", "it alone, %", "all others, %"), rows, title, words=1)


def histogram_table(found: "Sensitivity") -> Table:
    """Return a table with a row a blob: how its magnitudes are distributed, each bar as high as its logarithm."""
    rows = []
    for blob, histogram in found.histograms.items():
        heights = np.log1p(_bars(histogram))
        steps = np.ceil(heights * (len(_HEIGHTS) - 1) / max(heights.max(), 1)).astype(int)
        zeros = histogram.zeros / max(histogram.zeros + int(histogram.counts.sum()), 1)
        largest = f"{histogram.used * histogram.width:.4g}"
        rows.append((blob, "".join(_HEIGHTS[step] for step in steps), largest, f"{100 * zeros:.1f}"))
    return table(("blob", "magnitudes", "up to", "zeros, %"), rows, words=2)


def sensitivity_document(found: "Sensitivity") -> dict[str, Any]:
    """Return everything as JSON values; of histograms the bars."""
    return {
        "f32": found.f32,
        "quantized": found.quantized,
        "scored_images": found.scored,
        "layers": [asdict(each) for each in found.layers],
        "histograms": {
            blob: {
                "bar": histogram.used * histogram.width / BARS,
                "counts": _bars(histogram).tolist(),
                "zeros": histogram.zeros,
            }
            for blob, histogram in found.histograms.items()
        },
    }


def _bars(histogram: "Histogram") -> "Array":
    """Return (BARS,) the counts in as many equal parts of what is used; bins across their borders go to one side."""
    places = np.arange(histogram.used) * BARS // max(histogram.used, 1)
    return np.bincount(places, histogram.counts[: histogram.used], BARS).astype(int)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"
