import numpy as np
import pytest

from tests.data.samples import ArrayDataset, write_cifar_binary, write_image_folder
from xdn.data import DATASETS, find_dataset
from xdn.data.folder import ImageFolder
from xdn.errors import DataError


def test_the_registry_holds_every_kind_with_a_description():
    assert list(DATASETS) == ["cifar10", "folder", "glyphs10", "list"]
    assert all(len(line) > 20 for _, line in DATASETS.describe())


def test_without_a_name_cifar10_is_preferred(tmp_path, rng):
    assert find_dataset(folder=tmp_path).title == "Glyphs-10 (synthetic)"
    write_cifar_binary(tmp_path, rng)
    assert find_dataset(folder=tmp_path).title == "CIFAR-10"
    (tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin").unlink()
    assert find_dataset(None, "test", tmp_path).name == "cifar10"
    assert find_dataset(None, "train", tmp_path).name == "glyphs10"


def test_the_environment_says_where(tmp_path, rng, monkeypatch):
    write_cifar_binary(tmp_path, rng)
    monkeypatch.setenv("XDN_DATA", str(tmp_path))
    assert find_dataset().name == "cifar10"


def test_a_path_is_a_folder_or_a_list(tmp_path, rng):
    write_image_folder(tmp_path / "photos", rng, [(4, 4)])
    assert find_dataset(str(tmp_path / "photos")).name == "photos"
    listed = tmp_path / "list.txt"
    listed.write_text("photos/alpha/0.png 0\n")
    assert find_dataset(str(listed)).name == "list.txt"


@pytest.mark.parametrize("name", ["cifar11", "folder", "list", ""])
def test_an_unknown_name_lists_the_known_ones(name, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(DataError, match=r"cifar10, glyphs10|folder holds no"):
        find_dataset(name)


def test_the_nearest_name_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"'cifra10' is neither.*The nearest data set: cifar10; all: cifar10, glyphs10"):
        find_dataset("cifra10")


def test_an_unknown_split_is_refused():
    with pytest.raises(DataError, match=r"'dev'.*train, test"):
        find_dataset("glyphs10", "dev")


def test_what_cannot_be_downloaded_says_so(tmp_path, rng):
    with pytest.raises(DataError, match=r"CIFAR-10.*--download"):
        find_dataset("cifar10", folder=tmp_path)
    assert find_dataset("glyphs10", folder=tmp_path, download=True).name == "glyphs10"
    with pytest.raises(DataError, match="nothing to download"):
        DATASETS["list"].fetch(tmp_path)


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 1), (0, 4)])
def test_ranges_are_checked(start, stop):
    dataset = ArrayDataset(np.zeros((3, 2, 2, 3), np.uint8), [0, 1, 2])
    assert len(dataset) == len(dataset.images(0, 3)) == 3
    with pytest.raises(DataError, match="Arrays has 3"):
        dataset.images(start, stop)


def test_batches_cover_the_data_set_in_order(rng):
    pixels, told = rng.integers(0, 256, (7, 4, 4, 3), np.uint8), []
    batches = list(ArrayDataset(pixels, [0] * 7).batches(3, lambda done, total: told.append((done, total))))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(batches), pixels)
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_files_are_decoded_when_their_batch_is_due(tmp_path, rng):
    images = write_image_folder(tmp_path, rng, [(4, 4)] * 4, classes=("a",))["a"]
    batches = ImageFolder.find(tmp_path, "test").batches(2)
    next(batches)
    (tmp_path / "a" / "2.png").write_bytes((tmp_path / "a" / "0.png").read_bytes())
    np.testing.assert_array_equal(next(batches)[0], images[0])


@pytest.mark.parametrize(("classes", "numbered"), [(("0", "1"), True), (("1", "2"), False), (("cat", "dog"), False)])
def test_classes_that_are_numbers_alone_are_told(classes, numbered):
    assert ArrayDataset(np.zeros((1, 2, 2, 3), np.uint8), [0], classes).numbered is numbered
