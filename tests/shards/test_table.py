"""All parts as a table in Parquet."""

import builtins
import gc
import json

import numpy as np
import pytest

from tests.shards.building import IMAGES, folder_of, stripes_work
from xdn.errors import MissingExtraError, ParseError
from xdn.shards.part import part_files
from xdn.shards.table import pyarrow, write_table


@pytest.mark.slow  # importing Arrow takes a second
@pytest.mark.parametrize("scored", [True, False])
def test_others_read_the_parts_as_one_table(scored, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (pip install -e '.[parquet]')")
    folder = folder_of(stripes_work(scored=scored), tmp_path / "parts")
    write_table(tmp_path / "all.parquet", folder)
    table, parts = parquet.read_table(tmp_path / "all.parquet"), list(folder.parts())
    assert table.column("image").to_pylist() == list(range(IMAGES))
    assert table.column("label").to_pylist() == np.concatenate([part.labels for part in parts]).tolist()
    for name in parts[0].columns:
        assert table.column(name).to_pylist() == np.concatenate([part.columns[name] for part in parts]).tolist()
    assert json.loads(table.schema.metadata[b"xdn"])["net"] == "net"
    assert parquet.ParquetFile(tmp_path / "all.parquet").num_row_groups == len(parts)


@pytest.mark.slow  # importing Arrow takes a second
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_part_leaves_no_table(tmp_path):
    pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (pip install -e '.[parquet]')")
    folder = folder_of(stripes_work(), tmp_path / "parts")
    last = part_files(folder.path)[-1]
    # Damaged where only those look who read all of it.
    raw = last.read_bytes()
    last.write_bytes(raw[:-750] + bytes(20) + raw[-730:])
    with pytest.raises(ParseError):
        write_table(tmp_path / "all.parquet", folder)
    gc.collect()
    assert not (tmp_path / "all.parquet").exists()


def test_without_pyarrow_the_extra_is_named(monkeypatch):
    imported = builtins.__import__

    def without(name, *args, **options):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return imported(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'xdn\[parquet\]'"):
        pyarrow()
