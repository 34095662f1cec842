"""What calibration chose, as a table, a line and JSON."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from rich.table import Table

from xdn.graph.cost import layer_cost
from xdn.report.section import table

if TYPE_CHECKING:
    from xdn.graph import Net
    from xdn.optimize.quantize.calibrate import Calibrated


def calibration_table(calibrated: "Calibrated") -> Table:
    """Return a table with a row for each blob that a layer reads as integers: what was seen of it, and its scale."""
    rows = []
    for layer in calibrated.net.layers:
        for blob, quantized in zip(layer.bottoms, layer.integers, strict=False):
            seen = calibrated.ranges[blob]
            extremes = f"{seen.smallest:.4g}", f"{seen.largest:.4g}"
            rows.append((layer.name, blob, *extremes, quantized.name, f"{quantized.scale:.4g}"))
    return table(("layer", "reads", "least", "most", "as", "scale"), rows, words=2)


def calibration_conclusion(calibrated: "Calibrated") -> str:
    """Return one line: how many layers read integers, and how much of the arithmetic that is."""
    of = len(calibrated.choice.layers) + len(calibrated.choice.kept)
    share = _integer_macs(calibrated.net)
    by = f"{calibrated.config.observer}, {calibrated.images} images"
    by += f", accuracy on {calibrated.scored} others" if calibrated.scored else ""
    return f"calibrated ({by}): {len(calibrated.choice.layers)} of {of} layers read 8-bit integers, {share} of the MACs"


def kept_lines(calibrated: "Calibrated") -> list[str]:
    """Return what layers save by what they read, and why each that reads no integers does not, one a line."""
    in_bf16 = {layer.name for layer in calibrated.net.layers if layer.reads_bf16}
    lines = ["calibrate:"]
    for name, seconds in calibrated.saved.items():
        how, takes = "bf16" if name in in_bf16 else "8-bit integers", f"{1e6 * abs(seconds):.3g} us an image"
        lines.append(f"  + {name}: reads {how}: {takes} {'less' if seconds >= 0 else 'more'} than in f32")
    for name, why in calibrated.choice.kept.items():
        lines.append(f"  - {name}: stays in {'bf16' if name in in_bf16 else 'f32'}: {why}")
    return lines


def calibration_document(calibrated: "Calibrated") -> dict[str, Any]:
    """Return everything but the net as JSON values."""
    return {
        "config": asdict(calibrated.config),
        "images": calibrated.images,
        "scored_images": calibrated.scored,
        "layers": {
            layer.name: [
                {"blob": blob, **asdict(replace(calibrated.ranges[blob], quantized=how))}
                for blob, how in zip(layer.bottoms, layer.integers, strict=False)
            ]
            for layer in calibrated.net.layers
            if layer.integers
        },
        "kept": dict(calibrated.choice.kept),
        "saved_seconds": dict(calibrated.saved),
    }


def _integer_macs(net: "Net") -> str:
    """Return the share of the multiplications that are of integers."""
    macs = {layer.name: layer_cost(net, layer).macs for layer in net.layers if not layer.params.is_input}
    whole = sum(macs.values())
    integers = sum(macs[layer.name] for layer in net.layers if layer.integers)
    return f"{integers / whole:.0%}" if whole else "none"
