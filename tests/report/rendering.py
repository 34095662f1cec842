"""Rendered tables as lines of cells."""

import io

from rich.console import Console


def rows(renderable):
    """Return the rendered lines, each split at its columns' gaps; empty ones left out."""
    console = Console(file=io.StringIO(), width=240, highlight=False)
    console.print(renderable, markup=False)
    lines = console.file.getvalue().splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines if line.strip()]
