"""Packed files as Ray's data sets."""

import numpy as np
import pytest

from tests.evaluate.building import Stripes
from tests.shards.building import session, stripes_work
from xdn.data.packed import PackedData, pack
from xdn.ray import map_batches, read_packed
from xdn.ray.packed import _read

COUNT = 50


@pytest.fixture
def path(tmp_path):
    """Return a packed file."""
    pack(Stripes(COUNT), tmp_path / "stripes.packed")
    return tmp_path / "stripes.packed"


def test_a_block_has_its_images(path):
    data = PackedData.open(path)
    found = [_read(path, 20, {"start": np.array([start])}) for start in (0, 20, 40)]
    assert [len(each["image"]) for each in found] == [20, 20, 10]
    assert np.array_equal(np.concatenate([each["image"] for each in found]), data.pixels)
    assert np.array_equal(np.concatenate([each["label"] for each in found]), data.labels)
    assert np.concatenate([each["number"] for each in found]).tolist() == list(range(COUNT))


@pytest.mark.slow  # a cluster takes seconds to begin
def test_packed_images_stream_through_workers(cluster, path):
    mapped = map_batches(read_packed(path, block=20), session(), stripes_work(COUNT).transform, batch=8)
    found = sorted(mapped.take_all(), key=lambda row: row["number"])
    assert [row["number"] for row in found] == list(range(COUNT))
    assert [int(row["pool"].argmax()) for row in found] == [row["label"] for row in found]
