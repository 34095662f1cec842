#!/usr/bin/env python3
"""Write the table of layer types in `docs/layers.md`, also in Chinese, out of the registries of layers and kernels.

python tools/make_layer_table.py             # rewrite the tables
"""

import re
from pathlib import Path

from generated import header, in_languages, with_table
from translated import Say

from xdn.files import write_atomically
from xdn.graph import LayerParams
from xdn.kernels.core.family import FAMILIES
from xdn.kernels.core.layout import SCHEDULES
from xdn.kernels.whole.layers import WHOLE_LAYERS
from xdn.layers import LAYERS, CaffeLayer

PAGES = in_languages("layers.md")


def runs_by(cls: type[CaffeLayer]) -> str:
    """Return what computes layers of a type: kernels, if families of every schedule take some, or whole batches."""
    if cls.is_input:
        return "the caller"
    families = [family for _, family in FAMILIES.items()]
    named = all(
        any(cls.type in family.types and schedule in family.schedules for family in families)
        for schedule in SCHEDULES.values()
    )
    moves = cls.always_moves or cls.moves_only is not LayerParams.moves_only
    if named or moves:
        return "kernels"
    return "whole batch, kernels" if cls.type in WHOLE_LAYERS else "whole batch"


def _markdown(text: str) -> str:
    """Return one line of a docstring as a table's cell; what stands in backquotes stays as it is."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*<])", r"\\\1", part) for part in parts).replace(
        "|", "\\|"
    )


def table(say: Say) -> str:
    """Return the table, a row a layer type."""
    rows = []
    for name, line in LAYERS.describe():
        cls = LAYERS[name]
        if name != cls.type:
            continue
        others = ", ".join(f"`{alias}`" for alias in cls.aliases)
        what = _markdown(say(line.removeprefix(f"{cls.__name__}: ")))
        rows.append(f"| `{name}` | {others} | {what} | {say(runs_by(cls))} |\n")
    return header(say, "type", "also written", "what it is", "runs by") + "".join(rows)


def page(path: Path) -> str:
    """Return a page of `PAGES` with the table as it should be."""
    return with_table(path, "make_layer_table.py", table(PAGES[path]))


if __name__ == "__main__":
    for path in PAGES:
        write_atomically(path, page(path).encode())
