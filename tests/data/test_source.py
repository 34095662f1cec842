"""How the data of a run is found."""

import cv2
import numpy as np
import pytest

from tests.evaluate.building import Stripes
from xdn.data.packed import PackedData, pack
from xdn.data.source import declared_size, default_data, find_data, is_packed, packed_in_cache
from xdn.errors import DataError
from xdn.frontend import load, to_prototxt


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
    assert (found.name, found.split, found.classes, found.shape) == (
        "stripes",
        "test",
        ("red", "green", "blue"),
        (4, 5, 3),
    )
    assert find_data(str(tmp_path / "a.packed"), size=(4, 5), split="test").header == found.header
    with pytest.raises(DataError, match=r"resized to 2x2; these images have 4x5 pixels\. .*--crop.*xdn-pack --size"):
        find_data(str(tmp_path / "a.packed"), size=(2, 2))
    with pytest.raises(DataError, match=r"a\.packed: the packed file has the split test, not train"):
        find_data(str(tmp_path / "a.packed"), split="train")


def test_a_folder_of_images_is_found_and_resized(tmp_path):
    found = find_data(str(folder_of_images(tmp_path / "photos")), size=(3, 4))
    assert (found.channel_order, found.shape, len(found)) == ("bgr", (3, 4, 3), 2)


def test_a_set_of_one_size_is_resized_for_nobody_but_xdn_pack():
    """A resized image is another one than the crop that a net was trained on: the accuracy would silently differ."""
    with pytest.raises(DataError, match=r"Glyphs-10 .*only image files are resized to 28x28; .* 32x32 .*--crop"):
        find_data("glyphs10", size=(28, 28))
    assert find_data("glyphs10", size=(32, 32)).shape == (32, 32, 3)
    assert find_data("glyphs10", size=(28, 28), resize_any=True).shape == (28, 28, 3)


def test_image_files_become_grey_for_a_net_of_one_channel(tmp_path):
    root = str(folder_of_images(tmp_path / "photos"))
    grey = find_data(root, channels=1, size=(3, 4))
    assert (grey.shape, grey.channel_order) == ((3, 4, 1), "grey")
    assert find_data(root, channels=3).shape == (6, 8, 3)
    with pytest.raises(DataError, match="no order rgb turns round"):
        find_data(root, channels=1, channel_order="rgb")
    packed = packed_in_cache(grey)
    assert (packed.header.channel_order, packed.header.shape) == ("grey", (2, 3, 4, 1))
    assert packed.path != packed_in_cache(find_data(root, size=(3, 4))).path


def test_the_usual_split_is_taken_where_none_is_asked_for():
    found = [find_data("glyphs10", **given).split for given in ({}, {"usual_split": "train"}, {"split": "train"})]
    assert found == ["test", "train", "train"]
    assert find_data("glyphs10", split="test", usual_split="train").split == "test"


def test_the_default_is_what_the_net_names(tmp_path):
    (tmp_path / "val.txt").write_text("a.png 0\n")
    layer = (
        'layer {{ name: "d" type: "{}" top: "d" top: "l" transform_param {{ crop_size: 4 }} {} {{ source: "{}" }} }}'
    )
    rest = ' layer { name: "relu" type: "ReLU" bottom: "d" top: "relu" }'
    for kind, field, source, expected in (
        ("ImageData", "image_data_param", "val.txt", str(tmp_path / "val.txt")),
        ("Data", "data_param", "val_lmdb", None),
        ("Data", "data_param", "cifar10", "cifar10"),
    ):
        (tmp_path / "net.prototxt").write_text(layer.format(kind, field, source) + rest)
        assert default_data(load(tmp_path / "net.prototxt")) == expected


def test_without_anything_the_default_or_the_synthetic_set_is_taken():
    assert find_data(None).name == "glyphs10"
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
    assert packed_in_cache(find_data(str(root))).pixels[1].max() == 200


def test_image_files_have_the_size_that_the_net_declares_unless_another_is_asked_for(tmp_path):
    root = str(folder_of_images(tmp_path / "photos"))
    assert find_data(root, usual_size=(3, 4)).shape == (3, 4, 3)
    assert find_data(root, usual_size=(3, 4), size=(5, 5)).shape == (5, 5, 3)
    assert find_data("glyphs10", usual_size=(3, 4)).shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("said", "size"),
    [("new_height: 6 new_width: 5", (6, 5)), ("new_height: 6", None), ("new_height: 0 new_width: 0", None)],
)
def test_the_net_declares_a_size_that_is_kept_in_files(tmp_path, said, size):
    """Caffe resizes where both are given."""
    text = """layer { name: "d" type: "ImageData" top: "d" top: "l" transform_param { crop_size: 4 }
                      image_data_param { %s } }
              layer { name: "relu" type: "ReLU" bottom: "d" top: "relu" }"""
    (tmp_path / "net.prototxt").write_text(text % said)
    net = load(tmp_path / "net.prototxt")
    assert declared_size(net) == size
    (tmp_path / "again.prototxt").write_text(to_prototxt(net))
    assert declared_size(load(tmp_path / "again.prototxt")) == size
