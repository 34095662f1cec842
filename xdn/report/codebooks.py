"""What codebooks weights became, as a table, a line and JSON."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from xdn.element import REAL
from xdn.report.quantities import counted, size
from xdn.report.section import table

if TYPE_CHECKING:
    from xdn.optimize.codebooks.coding import Coded


def codebook_table(coded: "Coded") -> Table:
    """Return a table with a row a layer: its blocks, centroids, bytes, and how much its weights changed."""
    rows = [
        (
            name,
            str(made.blocks.length),
            str(made.count),
            str(made.blocks.centroids),
            size(made.bytes),
            f"{made.error:.2%}",
        )
        for name, made in coded.layers.items()
    ]
    return table(("layer", "block", "blocks", "centroids", "bytes", "squared error"), rows, words=1)


def codebook_conclusion(coded: "Coded") -> str:
    """Return one line: how many weights are codebooks, and what they take."""
    before = sum(made.count * made.blocks.length for made in coded.layers.values()) * REAL.bytes
    after = sum(made.bytes for made in coded.layers.values())
    of = len(coded.layers) + len(coded.kept)
    became = f"{len(coded.layers)} of {counted(of, 'weight')} are codebooks, which take {size(after)} of {size(before)}"
    return f"{became}; {counted(coded.groups, 'group')} of channels ordered for them"


def uncoded_lines(coded: "Coded") -> list[str]:
    """Return why each weight that is not a codebook's is none, one a line."""
    return ["codebooks:", *(f"  - {name}: keeps its weight: {why}" for name, why in coded.kept.items())]


def codebook_document(coded: "Coded") -> dict[str, Any]:
    """Return everything but the net as JSON values."""
    layers = {
        name: asdict(made.blocks) | {"count": made.count, "bytes": made.bytes, "error": made.error}
        for name, made in coded.layers.items()
    }
    config = asdict(coded.config)
    return {"config": config, "groups": coded.groups, "layers": layers, "kept": dict(coded.kept)}
