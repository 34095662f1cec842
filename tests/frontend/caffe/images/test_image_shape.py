"""Where the shape of a data layer's images comes from, in which order."""

import numpy as np
import pytest

from xdn.errors import NetError
from xdn.frontend.caffe.dialects.upgrade import upgrade
from xdn.frontend.caffe.images.image_shape import find_mean, image_shape, mean_folders, source_of
from xdn.frontend.caffe.images.mean_file import write_binaryproto
from xdn.frontend.caffe.text import prototxt


def data_layer(body, kind="Data"):
    return prototxt.parse(f'layer {{ name: "d" type: "{kind}" {body} }}').layer[0]


@pytest.mark.parametrize(
    ("kind", "body", "shape"),
    [
        ("Data", 'transform_param { crop_size: 20 } data_param { source: "mnist" }', (3, 20, 20)),
        ("Data", "transform_param { crop_size: 20 force_gray: true }", (1, 20, 20)),
        ("AnnotatedData", "transform_param { crop_h: 20 crop_w: 30 }", (3, 20, 30)),
        ("Data", "transform_param { crop_size: 20 crop_w: 30 }", (3, 20, 30)),
        ("Data", "transform_param { crop_size: 9 mean_value: 1 mean_value: 2 mean_value: 3 mean_value: 4 }", (4, 9, 9)),
        ("MemoryData", "memory_data_param { channels: 2 height: 5 width: 6 }", (2, 5, 6)),
        (
            "MemoryData",
            "memory_data_param { channels: 2 height: 5 width: 6 } transform_param { crop_size: 4 }",
            (2, 4, 4),
        ),
        ("MemoryData", "memory_data_param { dim: 4 dim: 2 dim: 5 dim: 6 dim: 7 }", (2, 5, 6, 7)),
        ("ImageData", "image_data_param { new_height: 7 new_width: 8 }", (3, 7, 8)),
        ("ImageData", "image_data_param { new_height: 7 new_width: 8 is_color: false }", (1, 7, 8)),
        ("AnnotatedData", "transform_param { resize_param { height: 7 width: 8 } }", (3, 7, 8)),
        (
            "AnnotatedData",
            "transform_param { resize_param { height: 7 width: 8 } resize_param { height: 9 width: 10 } }",
            (3, 7, 8),
        ),
        ("Data", 'data_param { source: "x/CIFAR10_test_lmdb" }', (3, 32, 32)),
        ("VideoData", "video_data_param { new_length: 8 new_height: 7 new_width: 6 }", (3, 8, 7, 6)),
        ("VideoData", "video_data_param { new_length: 8 } transform_param { crop_size: 5 }", (3, 8, 5, 5)),
        ("VIDEO_DATA", "image_data_param { new_length: 4 new_height: 7 new_width: 6 }", (3, 4, 7, 6)),
        ("Data", 'data_param { source: "mnist_test" }', (1, 28, 28)),
    ],
)
def test_what_the_layer_says(kind, body, shape):
    assert image_shape(data_layer(body, kind), None) == shape


def test_the_mean_image_goes_before_the_name_of_the_data(tmp_path):
    write_binaryproto(tmp_path / "m.binaryproto", np.zeros((3, 6, 5), np.float32))
    layer = data_layer('transform_param { mean_file: "m.binaryproto" } data_param { source: "cifar" }')
    assert image_shape(layer, tmp_path) == (3, 6, 5)
    assert image_shape(layer, tmp_path / "elsewhere") == (3, 32, 32)


def test_a_damaged_mean_image_tells_nothing(tmp_path):
    (tmp_path / "m.binaryproto").write_bytes(b"\xff\xff")
    layer = data_layer('transform_param { mean_file: "m.binaryproto" }')
    with pytest.raises(NetError, match="--input-shape"):
        image_shape(layer, tmp_path)


def test_mean_is_looked_for_beside_the_prototxt_then_in_the_working_folder(tmp_path, monkeypatch):
    beside, working = tmp_path / "a", tmp_path / "b"
    for folder in (beside, working):
        folder.mkdir()
    monkeypatch.chdir(working)
    (working / "m").write_text("")
    assert find_mean("m", mean_folders(beside)) == working / "m"
    (beside / "m").write_text("")
    assert find_mean("m", mean_folders(beside)) == beside / "m"
    assert find_mean("other", mean_folders(beside)) is None


def test_nothing_tells_it():
    with pytest.raises(NetError, match=r"layer 'd' \(Data\).*--input-shape C,H,W"):
        image_shape(data_layer('data_param { source: "my_lmdb" }'), None)


def test_source():
    assert source_of(data_layer('image_data_param { source: "list.txt" }', "ImageData")) == "list.txt"
    assert source_of(data_layer("memory_data_param { channels: 1 }", "MemoryData")) == ""


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("VIDEO_DATA", "transform_param { crop_size: 5 }"),
        ("VIDEO_SEGMENTATION_DATA", ""),
        ("VideoData", "video_data_param { new_length: 8 }"),
    ],
)
def test_a_film_has_a_length_and_images_of_a_size(kind, body):
    with pytest.raises(NetError, match="--input-shape C,D,H,W"):
        image_shape(data_layer(body, kind), None)


def test_ssds_video_is_images():
    assert image_shape(data_layer("transform_param { crop_size: 5 }", "VideoData"), None) == (3, 5, 5)


def test_the_crop_of_c3ds_first_films():
    text = 'layers { name: "d" type: VIDEO_DATA top: "d" image_data_param { crop_size: 5 new_length: 4 } }'
    assert image_shape(upgrade(prototxt.parse(text)).layer[0], None) == (3, 4, 5, 5)
