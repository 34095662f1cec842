import cv2
import numpy as np
import pytest

from tests.data.samples import write_image_folder
from xdn import settings
from xdn.data.folder import ImageFolder, ImageList
from xdn.errors import DataError


def test_classes_are_sorted_folders(tmp_path, rng):
    images = write_image_folder(tmp_path / "photos", rng, [(6, 5)] * 3, classes=("zebra", "ant", "Bee"))
    (tmp_path / "photos" / "ant" / "notes.txt").write_text("no image")
    (tmp_path / "photos" / ".hidden").mkdir()
    dataset = ImageFolder.find(tmp_path / "photos", "test")
    assert dataset.classes == ("Bee", "ant", "zebra")
    assert dataset.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert (dataset.name, dataset.channel_order, dataset.shape) == ("photos", "bgr", (6, 5, 3))
    assert dataset.title == "photos (9 image files)"
    np.testing.assert_array_equal(dataset.images(0, 9), np.stack(images["Bee"] + images["ant"] + images["zebra"]))
    np.testing.assert_array_equal(dataset.images(4, 5)[0], images["ant"][1])
    assert dataset.preprocessing == {"decoder": "OpenCV", "opencv": cv2.__version__}


def test_a_folder_of_the_split_is_preferred(tmp_path, rng):
    write_image_folder(tmp_path / "train", rng, [(4, 4)] * 3)
    write_image_folder(tmp_path / "test", rng, [(4, 4)] * 2)
    assert len(ImageFolder.find(tmp_path, "train")) == 6
    assert len(ImageFolder.find(tmp_path, "test")) == 4


def test_images_for_tests_may_be_called_val(tmp_path, rng):
    write_image_folder(tmp_path / "train", rng, [(4, 4)] * 3)
    with pytest.raises(DataError, match=r"the folder has train, but nothing for test\. Add a folder test"):
        ImageFolder.find(tmp_path, "test")
    write_image_folder(tmp_path / "val", rng, [(4, 4)] * 2)
    assert len(ImageFolder.find(tmp_path, "test")) == 4
    write_image_folder(tmp_path / "test", rng, [(4, 4)])
    assert len(ImageFolder.find(tmp_path, "test")) == 2
    assert len(ImageFolder.find(tmp_path, "train")) == 6


def test_a_class_may_be_called_like_a_split(tmp_path, rng):
    write_image_folder(tmp_path, rng, [(4, 4)], classes=("test", "exam"))
    assert ImageFolder.find(tmp_path, "test").classes == ("exam", "test")


def test_images_of_different_sizes_need_a_size(tmp_path, rng):
    images = write_image_folder(tmp_path, rng, [(8, 8), (10, 6)], classes=("only",))["only"]
    dataset = ImageFolder.find(tmp_path, "test")
    with pytest.raises(DataError, match=r"1\.png: the image has 10x6 pixels, the first has 8x8.*--size HxW"):
        dataset.images(0, 2)
    small = dataset.at_size((5, 7))
    expected = [cv2.resize(image, (7, 5), interpolation=cv2.INTER_LINEAR) for image in images]
    np.testing.assert_array_equal(small.images(0, 2), np.stack(expected))
    assert small.preprocessing["resize"] == "5x7 bilinear"
    assert dataset.shape == (8, 8, 3)


def test_grey_images_have_one_channel(tmp_path, rng):
    images = write_image_folder(tmp_path, rng, [(8, 8), (10, 6)], classes=("only",))["only"]
    grey = ImageFolder.find(tmp_path, "test").in_grey()
    assert (grey.channel_order, grey.shape, grey.preprocessing["colour"]) == ("grey", (8, 8, 1), "grey")
    expected = cv2.cvtColor(images[0], cv2.COLOR_BGR2GRAY).astype(np.int32)
    # OpenCV's PNG reader and its conversion round for themselves.
    assert np.abs(grey.images(0, 1)[0, ..., 0] - expected).max() <= 1
    small = grey.at_size((5, 7))
    assert (small.shape, small.channel_order, small.images(0, 2).shape) == ((5, 7, 1), "grey", (2, 5, 7, 1))


def test_every_format_is_taken_whatever_the_case_of_its_ending(tmp_path, rng):
    (tmp_path / "a").mkdir()
    endings = [".png", ".JPG", ".jpeg", ".bmp", ".webp", ".tif", ".TIFF", ".gif"]
    for number, ending in enumerate(endings):
        image = rng.integers(0, 256, (4 + number, 6, 3), np.uint8)
        (tmp_path / "a" / f"{number}{ending}").write_bytes(cv2.imencode(ending.lower(), image)[1].tobytes())
    dataset = ImageFolder.find(tmp_path, "test")
    assert [file.suffix for file in dataset.files] == endings
    assert dataset.at_size((6, 6)).images(0, 8).shape == (8, 6, 6, 3)


def test_what_is_not_read_is_named_in_one_warning(tmp_path, rng, caplog):
    write_image_folder(tmp_path, rng, [(4, 4)] * 2)
    for name in ("alpha/notes.txt", "alpha/scan.jp2", "beta/.hidden", "loose.png"):
        (tmp_path / name).write_text("")
    (tmp_path / "beta" / "more").mkdir()
    assert len(ImageFolder.find(tmp_path, "test")) == 4
    (record,) = caplog.records
    said = record.getMessage()
    assert "4 entries are not read: alpha/notes.txt, alpha/scan.jp2, beta/more, loose.png. " in said
    assert ".gif .jpe .jpeg" in said


def test_where_every_file_is_an_image_nothing_is_said(tmp_path, rng, caplog):
    write_image_folder(tmp_path, rng, [(4, 4)])
    ImageFolder.find(tmp_path, "test")
    assert not caplog.records


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(DataError, match="no folders of images"):
        ImageFolder.find(tmp_path, "test")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no folder of a class holds an image.*\.png"):
        ImageFolder.find(tmp_path, "test")


def test_a_damaged_image_is_named(tmp_path, rng):
    write_image_folder(tmp_path, rng, [(4, 4)] * 2, classes=("a",))
    (tmp_path / "a" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    dataset = ImageFolder.find(tmp_path, "test")
    with pytest.raises(DataError, match=r"a/1\.png"):
        dataset.images(0, 2)


def test_names_that_are_not_utf8_can_be_printed(tmp_path, rng):
    write_image_folder(tmp_path, rng, [(4, 4)], classes=("caf\udce9",))
    dataset = ImageFolder.find(tmp_path, "test")
    assert dataset.classes == ("caf?",)
    assert len(dataset.images(0, 1)) == 1


def test_a_list_is_read_as_caffe_does(tmp_path, rng):
    images = write_image_folder(tmp_path, rng, [(4, 4)] * 2)
    (tmp_path / "with blank.png").write_bytes((tmp_path / "alpha" / "0.png").read_bytes())
    lines = ["beta/1.png 3", "", f"{tmp_path}/alpha/1.png 0", "with blank.png 1", "beta/0.png 3\r"]
    listed = tmp_path / "val.txt"
    listed.write_text("\n".join(lines))
    dataset = ImageList.find(listed, "test")
    assert dataset.labels.tolist() == [3, 0, 1, 3]
    assert dataset.classes == ("0", "1", "2", "3")
    expected = [images["beta"][1], images["alpha"][1], images["alpha"][0], images["beta"][0]]
    np.testing.assert_array_equal(dataset.images(0, 4), np.stack(expected))


def test_a_list_may_begin_with_a_byte_order_mark(tmp_path, rng):
    write_image_folder(tmp_path, rng, [(4, 4)])
    (tmp_path / "val.txt").write_text("alpha/0.png 1\r\nbeta/0.png 0\r\n", encoding="utf-8-sig")
    dataset = ImageList.find(tmp_path / "val.txt", "test")
    assert (dataset.labels.tolist(), dataset.images(0, 2).shape) == ([1, 0], (2, 4, 4, 3))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_list_in_utf16_is_named(tmp_path, encoding):
    (tmp_path / "val.txt").write_bytes("\ufeffalpha/0.png 1\n".encode(encoding))
    with pytest.raises(DataError, match=r"val\.txt: the list is UTF-16\. Save it as UTF-8"):
        ImageList.find(tmp_path / "val.txt", "test")


def test_paths_of_a_list_count_from_the_working_folder_too(tmp_path, rng, monkeypatch):
    write_image_folder(tmp_path / "images", rng, [(4, 4)])
    (tmp_path / "lists").mkdir()
    listed = tmp_path / "lists" / "val.txt"
    listed.write_text("images/alpha/0.png 0\n")
    monkeypatch.chdir(tmp_path)
    assert len(ImageList.find(listed, "test").images(0, 1)) == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("alpha/0.png", r"val\.txt:2: the line is not"),
        ("alpha/0.png -1", r"val\.txt:2: the line is not"),
        ("alpha/0.png one", r"val\.txt:2: the line is not"),
        ("alpha/0.png ²", r"val\.txt:2: the line is not"),
        ("alpha/0.png 1" + "0" * 5000, r"val\.txt:2: the line is not"),
        (f"alpha/0.png {settings.MAX_CLASSES}", r"val\.txt:2: label 131072; at most"),
    ],
)
def test_wrong_lines_are_named(tmp_path, rng, line, problem):
    write_image_folder(tmp_path, rng, [(4, 4)])
    (tmp_path / "val.txt").write_text(f"alpha/0.png 1\n{line}\n")
    with pytest.raises(DataError, match=problem):
        ImageList.find(tmp_path / "val.txt", "test")


def test_an_empty_list_is_refused(tmp_path):
    (tmp_path / "val.txt").write_text("\n\n")
    with pytest.raises(DataError, match="names no image"):
        ImageList.find(tmp_path / "val.txt", "test")


def test_a_binary_file_is_not_a_list(tmp_path):
    (tmp_path / "net.caffemodel").write_bytes(b"\n\x05small\xa2\x06\x00")
    with pytest.raises(DataError, match=r"net\.caffemodel: the file is binary, not a text list"):
        ImageList.find(tmp_path / "net.caffemodel", "test")


def test_names_that_no_file_can_have(tmp_path):
    (tmp_path / "val.txt").write_text(f"{'a' * 5000} 1\n")
    with pytest.raises(DataError, match="cannot decode the image: no such file"):
        ImageList.find(tmp_path / "val.txt", "test")


def test_the_number_of_images_is_bounded(tmp_path, monkeypatch):
    (tmp_path / "val.txt").write_text("a.png 1\n\nb.png 1\nc.png 2\n")
    monkeypatch.setattr(settings, "MAX_LIST_IMAGES", 2)
    with pytest.raises(DataError, match=r"val\.txt:4: more than 2 images"):
        ImageList.find(tmp_path / "val.txt", "test")
