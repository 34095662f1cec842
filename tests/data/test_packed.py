import json
import mmap
import pickle
import shutil
import zlib

import cv2
import numpy as np
import pytest

from tests.data.samples import ArrayDataset, write_image_folder
from xdn.data.folder import ImageFolder
from xdn.data.glyphs import Glyphs10
from xdn.data.packed import PackedData, cached_path, pack
from xdn.data.resized import resized
from xdn.data.views import reordered
from xdn.errors import DataError, MemoryLimitError
from xdn.memory import limited


@pytest.fixture
def dataset(rng):
    """600 images of 3000 bytes: nearly two checksums, and a last piece of the packing loop that is not full."""
    return ArrayDataset(rng.integers(0, 256, (600, 25, 40, 3), np.uint8), rng.integers(0, 3, 600))


@pytest.fixture
def packed(dataset, tmp_path):
    path = tmp_path / "data.packed"
    pack(dataset, path)
    return path


def parts(path):
    """Return name -> (start, end) of the parts of a packed file, worked out from the documented format."""
    content = path.read_bytes()
    header_end = 24 + int.from_bytes(content[12:16], "little")
    document = json.loads(content[24:header_end])
    n, h, w, c = document["shape"]
    pixels = -(-header_end // 4096) * 4096
    pixels_end = pixels + n * h * w * c * {"u8": 1, "f32": 4}[document["dtype"]]
    labels = -(-pixels_end // 4096) * 4096
    checksums = -(-(labels + 4 * n) // 4096) * 4096
    return {
        "prefix": (0, 24),
        "header": (24, header_end),
        "first gap": (header_end, pixels),
        "pixels": (pixels, pixels_end),
        "second gap": (pixels_end, labels),
        "labels": (labels, labels + 4 * n),
        "third gap": (labels + 4 * n, checksums),
        "checksums": (checksums, len(content)),
    }


PARTS = ("prefix", "header", "first gap", "pixels", "second gap", "labels", "third gap", "checksums")


def test_what_is_packed_is_opened(dataset, packed):
    data = PackedData.open(packed)
    np.testing.assert_array_equal(data.pixels, dataset.pixels)
    np.testing.assert_array_equal(data.labels, dataset.labels)
    assert (data.pixels.dtype, data.labels.dtype) == (np.uint8, np.int32)
    header = data.header
    assert (header.version, header.dataset, header.title, header.split) == (1, "arrays", "Arrays", "test")
    assert (header.classes, header.channel_order, header.dtype) == (("a", "b", "c"), "rgb", "u8")
    assert header.shape == (600, 25, 40, 3)
    data.verify()


@pytest.mark.parametrize("dtype", ["u8", "f32"])
def test_it_is_the_data_set_that_was_packed(dataset, tmp_path, dtype):
    pack(dataset, tmp_path / "a.packed", dtype=dtype)
    found = PackedData.open(tmp_path / "a.packed")
    assert (found.name, found.title, found.split, found.classes) == ("arrays", "Arrays", "test", ("a", "b", "c"))
    assert (found.channel_order, found.shape, found.preprocessing) == ("rgb", (25, 40, 3), {})
    assert found.origin == str((tmp_path / "a.packed").resolve())
    np.testing.assert_array_equal(found.images(1, 4), dataset.pixels[1:4])
    with pytest.raises(DataError, match="Arrays has 600"):
        found.images(0, 601)


def test_the_file_is_read_by_its_description_alone(dataset, packed):
    content, at = packed.read_bytes(), parts(packed)
    pixels = content[slice(*at["pixels"])]
    assert pixels == dataset.pixels.tobytes()
    assert np.frombuffer(content[slice(*at["labels"])], "<i4").tolist() == dataset.labels.tolist()
    checksums = np.frombuffer(content[slice(*at["checksums"])], "<u4").tolist()
    assert checksums == [zlib.crc32(pixels[:1048576]), zlib.crc32(pixels[1048576:])]
    assert at["pixels"][0] % mmap.PAGESIZE == 0


def test_opening_maps_the_file_read_only(packed):
    images = PackedData.open(packed).pixels
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0, 0, 0, 0] = 1


def test_f32_holds_the_same_values(dataset, tmp_path):
    pack(dataset, tmp_path / "f32", dtype="f32")
    data = PackedData.open(tmp_path / "f32")
    assert data.pixels.dtype == np.float32
    np.testing.assert_array_equal(data.pixels, dataset.pixels)
    data.verify()


@pytest.mark.parametrize(("wanted", "step"), [("rgb", 1), ("bgr", -1)])
def test_the_channel_order_is_kept(dataset, tmp_path, wanted, step):
    pack(reordered(dataset, wanted), tmp_path / "file")
    data = PackedData.open(tmp_path / "file")
    assert data.header.channel_order == wanted
    np.testing.assert_array_equal(data.pixels, dataset.pixels[..., ::step])


def test_packing_twice_gives_the_same_bytes(dataset, packed, tmp_path):
    pack(dataset, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == packed.read_bytes()


def test_generated_and_decoded_data(tmp_path, rng):
    write_image_folder(tmp_path / "photos", rng, [(9, 9), (5, 6)])
    pack(resized(ImageFolder.find(tmp_path / "photos", "test"), (4, 7)), tmp_path / "file")
    header = PackedData.open(tmp_path / "file").header
    assert (header.opencv, header.channel_order) == (cv2.__version__, "bgr")
    assert header.preprocessing["resize"] == "4x7 bilinear"
    assert str(tmp_path) not in (tmp_path / "file").read_bytes().decode("latin-1")
    glyphs = Glyphs10("test")
    glyphs.labels = glyphs.labels[:300]
    pack(glyphs, tmp_path / "glyphs")
    data = PackedData.open(tmp_path / "glyphs")
    assert (data.header.title, data.header.opencv) == ("Glyphs-10 (synthetic)", "")
    np.testing.assert_array_equal(data.pixels, glyphs.images(0, 300))


def test_progress_reaches_the_end(dataset, tmp_path):
    told = []
    pack(dataset, tmp_path / "file", lambda done, total: told.append((done, total)))
    assert told == [(256, 600), (512, 600), (600, 600)]
    told.clear()
    PackedData.open(tmp_path / "file").verify(lambda done, total: told.append((done, total)))
    assert told == [(1 << 20, 1_800_000), (1_800_000, 1_800_000)]


@pytest.mark.parametrize("part", PARTS)
def test_a_file_cut_off_anywhere_is_refused(packed, part):
    content = packed.read_bytes()
    start, end = parts(packed)[part]
    for length in {start, (start + end) // 2, end - 1}:
        packed.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"data\.packed: .*(cut off|ends within|does not start).*xdn-pack"):
            PackedData.open(packed)


def test_a_file_with_more_after_it_is_refused(packed):
    packed.write_bytes(packed.read_bytes() + b"\0")
    with pytest.raises(DataError, match="followed by something else"):
        PackedData.open(packed)


@pytest.mark.parametrize("part", PARTS)
def test_every_flipped_bit_is_found(packed, rng, part):
    content = packed.read_bytes()
    start, end = parts(packed)[part]
    for at in {start, end - 1, int(rng.integers(start, end))}:
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(rng.integers(8))
        packed.write_bytes(damaged)
        with pytest.raises(DataError, match=r"data\.packed"):
            PackedData.open(packed).verify()


def test_the_damaged_images_are_named(packed):
    content, (start, _) = bytearray(packed.read_bytes()), parts(packed)["pixels"]
    content[start + 1_048_576 + 5] ^= 1
    packed.write_bytes(content)
    # The second mebibyte starts within image 349.
    with pytest.raises(DataError, match=r"damaged in images 349\.\.599"):
        PackedData.open(packed).verify()


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_a_foreign_file_is_refused(tmp_path, content):
    (tmp_path / "foreign").write_bytes(content)
    with pytest.raises(DataError, match="foreign: the packed data cannot be used: it does not start"):
        PackedData.open(tmp_path / "foreign")


def test_a_missing_file_is_refused(tmp_path):
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(DataError, match=r"no such file.*xdn-pack"):
            PackedData.open(path)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], []])
def test_labels_without_a_class_are_refused(tmp_path, labels):
    dataset = ArrayDataset(np.zeros((len(labels), 2, 2, 3), np.uint8), labels)
    with pytest.raises(DataError, match=r"labels from|no images"):
        pack(dataset, tmp_path / "file")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, DataError("damaged image")])
def test_an_interruption_leaves_the_old_file_and_no_other(dataset, packed, tmp_path, error):
    before = packed.read_bytes()

    def interrupt(done, total):
        if done > 300:
            raise error

    with pytest.raises((KeyboardInterrupt, DataError)):
        pack(dataset, packed, interrupt)
    assert packed.read_bytes() == before
    assert list(tmp_path.iterdir()) == [packed]


def test_cached_paths_tell_data_apart(tmp_path, rng, monkeypatch):
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "cache"))
    glyphs = Glyphs10("test")
    assert cached_path(glyphs) == tmp_path / "cache" / "packed" / "glyphs10-test-32x32-rgb-u8.packed"
    folders = [tmp_path / place / "photos" for place in "ab"]
    for folder in folders:
        write_image_folder(folder, rng, [(4, 4)])
    photos = [ImageFolder.find(folder, "test") for folder in folders]
    paths = [cached_path(d) for d in (glyphs, Glyphs10("train"), resized(glyphs, (8, 8)), *photos)]
    paths += [
        cached_path(glyphs, "f32"),
        cached_path(reordered(glyphs, "bgr")),
        cached_path(resized(photos[0], (8, 8))),
    ]
    assert len(set(paths)) == len(paths)


def test_a_disk_without_room_is_named_before_anything_is_written(dataset, tmp_path, monkeypatch):
    nearly_full = shutil.disk_usage(tmp_path)._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: nearly_full)
    with pytest.raises(DataError, match=r"takes 1\.7 MiB, but 97\.7 KiB are free.*-o"):
        pack(dataset, tmp_path / "new" / "data.packed")
    assert not list(tmp_path.iterdir())


def test_few_images_are_read_at_a_time_where_memory_is_small(dataset, packed, tmp_path):
    told = []
    with limited(4 * 10 * 4 * 3000):
        pack(dataset, tmp_path / "few", lambda done, total: told.append(done))
    assert told == list(range(10, 601, 10))
    assert (tmp_path / "few").read_bytes() == packed.read_bytes()
    with limited(3000), pytest.raises(MemoryLimitError, match="one image"):
        pack(dataset, tmp_path / "none")


def test_it_travels_as_the_name_of_its_file(dataset, packed, monkeypatch, tmp_path):
    found = PackedData.open(packed)
    sent = pickle.dumps(found)
    assert len(sent) < 500
    monkeypatch.chdir(tmp_path.parent)
    again = pickle.loads(sent)
    assert np.array_equal(again.images(), found.images())
    assert np.array_equal(again.checksums(), found.checksums())
    assert len(found.checksums()) == -(-found.header.pixel_bytes // (1 << 20))
