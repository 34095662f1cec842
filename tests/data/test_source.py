"""How the data of a run is found."""

import cv2
import numpy as np
import pytest

from tests.evaluate.building import Stripes
from xdn.data import Dataset
from xdn.data.packed import PackedData, pack
from xdn.data.source import DataSource, find_data, is_packed, packed_in_cache
from xdn.errors import DataError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep caches and data of the test in its own folder."""
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDN_DATA", str(tmp_path / "data"))


def folder_of_images(root):
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        cv2.imwrite(str(root / name / "0.png"), np.full((6, 8, 3), 90, np.uint8))
    return root


def test_a_packed_file_is_opened(tmp_path):
    pack(Stripes(), tmp_path / "a.packed")
    found = find_data(str(tmp_path / "a.packed"))
    assert isinstance(found, PackedData)
    source = DataSource.of(found)
    assert (source.name, source.split, source.classes, source.image_shape) == (
        "stripes",
        "test",
        ("red", "green", "blue"),
        (4, 5, 3),
    )
    with pytest.raises(DataError, match="--size"):
        find_data(str(tmp_path / "a.packed"), size=(2, 2))


def test_a_folder_of_images_is_found_and_resized(tmp_path):
    found = find_data(str(folder_of_images(tmp_path / "photos")), size=(3, 4))
    assert isinstance(found, Dataset)
    source = DataSource.of(found)
    assert (source.channel_order, source.image_shape, len(found)) == ("bgr", (3, 4, 3), 2)


def test_without_anything_the_default_or_the_synthetic_set_is_taken():
    assert DataSource.of(find_data(None)).name == "glyphs10"
    with pytest.raises(DataError, match="CIFAR-10"):
        find_data(None, "cifar10")


def test_other_files_are_not_packed_data(tmp_path):
    (tmp_path / "x").write_bytes(b"XDN")
    assert not is_packed(tmp_path / "x")
    assert not is_packed(tmp_path / "missing")


def test_a_named_set_is_packed_once_and_again_where_the_cache_is_damaged():
    counts = []
    first = packed_in_cache(Stripes(), lambda done, total: counts.append(done))
    assert counts
    counts.clear()
    packed_in_cache(Stripes(), lambda done, total: counts.append(done))
    assert not counts
    first.path.write_bytes(first.path.read_bytes()[:5000])
    assert len(packed_in_cache(Stripes(), lambda done, total: counts.append(done)).labels) == 70
    assert counts


def test_files_of_the_users_are_packed_each_time(tmp_path):
    root = folder_of_images(tmp_path / "photos")
    packed_in_cache(find_data(str(root)))
    cv2.imwrite(str(root / "dog" / "0.png"), np.full((6, 8, 3), 200, np.uint8))
    assert packed_in_cache(find_data(str(root))).images[1].max() == 200
