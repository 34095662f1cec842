"""Writing the log of a training, row by row."""

import json
from pathlib import Path

from xdn.files import about, write_atomically
from xdn.logs import Row, read_log


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
