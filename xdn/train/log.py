"""The log of a training: one JSON object a line, one line a display and one a test."""

import json
from pathlib import Path
from typing import Any

from xdn import settings
from xdn.errors import ParseError
from xdn.files import about, read_bounded, write_atomically

Row = dict[str, Any]


class TrainingLog:
    """Appends to the log at `path`.

    Parameters
    ----------
    path : Path
    iteration : int
        Rows of later iterations are removed: a training that resumes there writes them again.
    """

    def __init__(self, path: Path, iteration: int = 0):
        self.path = path
        kept = [row for row in read_log(path) if row["iteration"] <= iteration] if iteration and path.is_file() else []
        write_atomically(path, "".join(map(_line, kept)).encode())

    def append(self, row: Row) -> None:
        """Write one row at once, so that an interrupted training has logged all it did."""
        with about(self.path), self.path.open("a") as file:
            file.write(_line(row))


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"


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
