"""All parts of a run as one table in Apache Parquet, for others to read.

Parts themselves are NumPy archives: these need no further package, and `xdn.arrays` reads them back even if they are
damaged or hostile, where Parquet's library ends the process. Tables are written, never read.
"""

import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from xdn.errors import MissingExtraError
from xdn.files import atomic_file
from xdn.graph import Array
from xdn.shards.folder import PartsFolder
from xdn.shards.part import IMAGE, LABEL, Part

#: Where the file says what was run: a JSON object.
_RUN = b"xdn"


def pyarrow() -> ModuleType:
    """Return pyarrow; raise MissingExtraError without it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        what = "tables in Parquet are written by pyarrow, which is not installed"
        raise MissingExtraError(what, mend="Run: pip install 'xdn[parquet]'") from None
    found: ModuleType = pyarrow
    return found


def write_table(path: Path, folder: PartsFolder) -> None:
    """Write all parts of a run as one Parquet file, whole or not at all: a row an image, a group of rows a part.

    The columns are `image` (its number), `label`, and what parts hold: `class` and a list `scores`, or the outputs.

    Raises
    ------
    MissingExtraError
        Without pyarrow.
    DataError, ParseError
        As `PartsFolder.parts` does.
    """
    arrow = pyarrow()
    said = {_RUN: json.dumps(asdict(folder.run)).encode()}
    with atomic_file(path) as file, ExitStack() as opened:
        writer = None
        for part in folder.parts():
            table = arrow.table({name: _column(values) for name, values in _columns(part).items()})
            if writer is None:
                made = arrow.parquet.ParquetWriter(file, table.schema.with_metadata(said))
                # Left open after an error it would write into the closed file as it is collected.
                writer = opened.enter_context(made)
            writer.write_table(table.replace_schema_metadata(said))


def _columns(part: Part) -> dict[str, Array]:
    images = np.arange(part.facts.start, part.facts.stop, dtype=np.int64)
    return {IMAGE: images, LABEL: part.labels, **part.columns}


def _column(values: Array) -> Any:
    """Return (N,) numbers, or (N, K), as a column of Arrow's."""
    arrow = pyarrow()
    if values.ndim == 1:
        return arrow.array(values)
    return arrow.FixedSizeListArray.from_arrays(arrow.array(values.reshape(-1)), values.shape[1])
