"""Reading the log of a training, which needs no PyTorch: one JSON object a line, one line a display and one a test."""

import json
from pathlib import Path
from typing import Any

from xdn import settings
from xdn.errors import ParseError
from xdn.files import read_bounded

Row = dict[str, Any]


def read_log(path: Path) -> list[Row]:
    """Return the rows of the log at `path`.

    Raises
    ------
    ParseError
        Where a line is not a JSON object with an iteration; a last line that was cut off is left out.
    """
    lines = read_bounded(path, settings.MAX_LOG_BYTES).decode("utf-8", errors="replace").split("\n")
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and isinstance(row.get("iteration"), int):
            rows.append(row)
        elif number < len(lines):
            raise ParseError("this is not a row of a training's log", where=f"{path}:{number}")
    return rows
