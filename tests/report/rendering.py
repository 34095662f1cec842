"""Rendered tables as text, and as lines of cells."""

import io

from rich.console import Console


def rendered(renderable):
    """Return the text that is printed."""
    console = Console(file=io.StringIO(), width=240, highlight=False)
    console.print(renderable, markup=False)
    return console.file.getvalue()


def rows(renderable):
    """Return the rendered lines, each split at its columns' gaps; empty ones left out."""
    lines = rendered(renderable).splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines if line.strip()]
