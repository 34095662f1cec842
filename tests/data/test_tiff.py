"""What a TIFF claims, in files that a program of ours wrote tag by tag."""

import struct

import numpy as np
import pytest

from xdn import settings
from xdn.data.decode import decode
from xdn.data.tiff import tiff_size
from xdn.errors import DataError

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS = 256, 257, 258, 259, 262, 273
SAMPLES, ROWS, COUNTS, PLANAR, TILE_WIDTH, TILE_HEIGHT, TILES = 277, 278, 279, 284, 322, 323, 324


def tiff(pixels, order="<", *, short=False, **changes):
    """Return u8 pixels (H, W) as an uncompressed TIFF of one strip; `changes` are further tags, None takes one away."""
    height, width = pixels.shape
    start = 8
    tags = {WIDTH: width, HEIGHT: height, BITS: 8, COMPRESSION: 1, PHOTOMETRIC: 1, STRIPS: start, SAMPLES: 1}
    tags |= {ROWS: height, COUNTS: pixels.size} | {int(name[1:]): value for name, value in changes.items()}
    tags = {tag: value for tag, value in sorted(tags.items()) if value is not None}
    kind, form = (3, f"{order}HHIHxx") if short else (4, f"{order}HHII")
    entries = b"".join(struct.pack(form, tag, kind, 1, value) for tag, value in tags.items())
    directory = struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}I", start + pixels.size) + pixels.tobytes() + directory


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("short", [False, True])
def test_size_and_pixels_in_both_orders_of_bytes(tmp_path, rng, order, short):
    pixels = rng.integers(0, 256, (6, 10), np.uint8)
    content = tiff(pixels, order, short=short)
    assert tiff_size(content) == ((6, 10), 0)
    (tmp_path / "a.tif").write_bytes(content)
    np.testing.assert_array_equal(decode(tmp_path / "a.tif", grey=True)[..., 0], pixels)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"_256": None}, "without the tag 256"),
        ({"_257": None}, "without the tag 257"),
        ({"_258": 32}, "1 samples of 32 bits"),
        ({"_277": 60_000}, "60000 samples"),
        ({"_259": 50_000}, "the compression 50000"),
        ({"_273": None}, "lacks parts"),
        ({"_278": 2}, "lacks parts"),
        ({"_278": 0}, "lacks parts"),
        ({"_277": 3, "_284": 2}, "lacks parts"),
        ({"_322": 8, "_323": 8}, "lacks parts"),
        ({"_322": 60_000, "_323": 60_000, "_324": 8}, "tiles of 60000x60000"),
    ],
)
def test_what_would_need_other_memory_than_its_pixels_is_refused(tmp_path, changes, problem):
    content = tiff(np.zeros((6, 10), np.uint8), **changes)
    with pytest.raises(ValueError, match=problem):
        tiff_size(content)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.tif: cannot decode the image: a TIFF.*{problem}"):
        decode(tmp_path / "a.tif")


def test_a_claim_beyond_the_bound_is_refused(tmp_path):
    (tmp_path / "bomb.tif").write_bytes(tiff(np.zeros((6, 10), np.uint8), _256=60_000, _257=60_000, _278=60_000))
    with pytest.raises(DataError, match="the image claims 60000x60000 pixels"):
        decode(tmp_path / "bomb.tif")


def test_values_lie_within_the_file():
    content = tiff(np.zeros((6, 10), np.uint8))
    at = content.index(struct.pack("<HHI", BITS, 4, 1))
    with pytest.raises(ValueError, match="past its end"):
        tiff_size(content[:at] + struct.pack("<HHI", BITS, 4, 1 << 30) + content[at + 8 :])


@pytest.mark.parametrize("magic", [b"II+\0", b"MM\0+"])
def test_a_big_tiff_is_named(magic):
    with pytest.raises(ValueError, match="BigTIFF"):
        tiff_size(magic + bytes(40))


def test_a_cut_directory_is_an_error():
    content = tiff(np.zeros((6, 10), np.uint8))
    for end in range(4, len(content) - 4):
        with pytest.raises((ValueError, struct.error)):
            tiff_size(content[:end])


def test_scans_of_jpeg_in_tiff_are_counted(tmp_path, monkeypatch):
    """Each strip has scans of its own, as long as a strip is large."""
    content = tiff(np.frombuffer(b"\xff\xda" * 30, np.uint8).reshape(6, 10), _259=7)
    assert tiff_size(content) == ((6, 10), 30 * 60)
    monkeypatch.setattr(settings, "MAX_SCANNED_PIXELS", 30 * 60 - 1)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(DataError, match="30 scans"):
        decode(tmp_path / "a.tif")
