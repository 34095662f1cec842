import io
import struct
import zlib
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies
from hypothesis import settings as hypothesis_settings
from PIL import Image

from tests.pytorch import torch
from xdn import settings
from xdn.data.decode import SUFFIXES, decode, image_size, resize
from xdn.errors import DataError

ENCODINGS = [
    (".png", []),
    (".jpg", []),
    (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    (".jpg", [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]),
    (".bmp", []),
    (".webp", [cv2.IMWRITE_WEBP_QUALITY, 80]),
    (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]),
    (".tif", [cv2.IMWRITE_TIFF_COMPRESSION, 1]),
    (".tiff", [cv2.IMWRITE_TIFF_COMPRESSION, 5]),
    (".gif", []),
]


def encoded(image, suffix, options=()):
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


@pytest.mark.parametrize(("suffix", "options"), ENCODINGS)
@pytest.mark.parametrize("shape", [(1, 1, 3), (37, 300, 3), (260, 5, 3), (20, 30), (20, 30, 4)])
def test_image_size_is_what_opencv_decodes(rng, suffix, options, shape):
    if suffix in (".jpg", ".gif"):  # OpenCV writes no alpha channel into the one, nothing but colour into the other
        shape = (*shape[:2], 3)
    content = encoded(rng.integers(0, 256, shape, np.uint8), suffix, options)
    assert image_size(content) == cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    assert suffix in SUFFIXES


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_decode_gives_blue_green_red(tmp_path, suffix):
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 0], image[0, 0] = 200, (1, 2, 3)
    file = tmp_path / f"image{suffix}"
    file.write_bytes(encoded(image, suffix))
    np.testing.assert_array_equal(decode(file), image)


def test_grey_images_become_three_equal_channels(tmp_path, rng):
    grey = rng.integers(0, 256, (5, 7), np.uint8)
    (tmp_path / "grey.png").write_bytes(encoded(grey, ".png"))
    np.testing.assert_array_equal(decode(tmp_path / "grey.png"), np.stack([grey] * 3, -1))
    np.testing.assert_array_equal(decode(tmp_path / "grey.png", grey=True), grey[..., None])


@pytest.mark.parametrize(("suffix", "options"), ENCODINGS)
def test_colour_becomes_grey_by_the_weights_of_bt601(tmp_path, rng, suffix, options):
    image = cv2.resize(rng.integers(0, 256, (3, 4, 3), np.uint8), (24, 18))
    file = tmp_path / f"image{suffix}"
    file.write_bytes(encoded(image, suffix, options))
    colour = decode(file).astype(np.float64)
    expected = colour @ (0.114, 0.587, 0.299)
    # JPEG holds the grey values themselves; B,G,R is made of them, rounded and cut to 0..255.
    assert np.abs(decode(file, grey=True)[..., 0] - expected).max() <= (8 if suffix == ".jpg" else 1)


def of_pillow(image, kind, **options):
    """Return a Pillow image as the bytes of a file."""
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def smooth():
    """A colour picture without edges, which JPEG keeps nearly as it is."""
    down, across = np.mgrid[0:24, 0:32]
    return Image.fromarray(np.stack([down * 10, across * 7, 80 + 0 * down], -1).astype(np.uint8))


@pytest.mark.parametrize(
    ("mode", "kind", "options", "tolerance"),
    [
        ("P", "PNG", {}, 0),
        ("P", "PNG", {"transparency": 0}, 0),
        ("P", "BMP", {}, 0),
        ("P", "TIFF", {}, 0),
        ("P", "GIF", {}, 0),
        ("1", "PNG", {}, 0),
        ("1", "TIFF", {"compression": "group4"}, 0),
        ("L", "JPEG", {"quality": 95}, 0),
        ("LA", "PNG", {}, 0),
        ("RGBA", "PNG", {}, 0),
        ("RGBA", "TIFF", {"compression": "tiff_lzw"}, 0),
        ("RGB", "TIFF", {"compression": "packbits"}, 0),
        ("RGB", "TIFF", {"compression": "tiff_adobe_deflate"}, 0),
        # Two decoders of JPEG agree but for rounding; C,M,Y,K is multiplied out with one more.
        ("RGB", "TIFF", {"compression": "jpeg"}, 2),
        ("CMYK", "JPEG", {"quality": 95}, 2),
        ("CMYK", "TIFF", {}, 1),
    ],
)
def test_every_kind_of_pixel_becomes_eight_bits_of_blue_green_red(tmp_path, mode, kind, options, tolerance):
    image = smooth().quantize(16) if mode == "P" else smooth().convert(mode)
    content = of_pillow(image, kind, **options)
    (tmp_path / "image").write_bytes(content)
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.int32)[..., ::-1]
    found = decode(tmp_path / "image")
    assert (found.dtype, found.shape) == (np.uint8, (24, 32, 3))
    assert np.abs(found - expected).max() <= tolerance
    assert decode(tmp_path / "image", grey=True).shape == (24, 32, 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_become_eight(tmp_path, rng, suffix, channels):
    """OpenCV takes the upper byte, or rounds: a level apart at most."""
    deep = rng.integers(0, 1 << 16, (6, 5, channels)).astype(np.uint16)
    (tmp_path / f"deep{suffix}").write_bytes(encoded(deep, suffix))
    assert np.abs(decode(tmp_path / f"deep{suffix}").astype(np.int32) - (deep >> 8)).max() <= 1


def test_alpha_is_left_out(tmp_path, rng):
    image = rng.integers(0, 256, (6, 5, 4), np.uint8)
    for suffix in (".png", ".tif"):
        (tmp_path / f"a{suffix}").write_bytes(encoded(image, suffix))
        np.testing.assert_array_equal(decode(tmp_path / f"a{suffix}"), image[..., :3])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("grey", [False, True])
def test_images_are_turned_as_their_exif_data_says(tmp_path, kind, grey):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn it clockwise
    (tmp_path / "plain").write_bytes(of_pillow(smooth(), kind))
    (tmp_path / "turned").write_bytes(of_pillow(smooth(), kind, exif=exif))
    np.testing.assert_array_equal(decode(tmp_path / "turned", grey), np.rot90(decode(tmp_path / "plain", grey), -1))


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_of_several_images_the_first_is_taken(tmp_path, kind):
    first, second = (Image.fromarray(np.full((8, 9, 3), value, np.uint8)) for value in (10, 200))
    (tmp_path / "film").write_bytes(of_pillow(first, kind, save_all=True, append_images=[second]))
    assert (decode(tmp_path / "film") == 10).all()


def test_a_gif_claims_no_more_than_the_bound(tmp_path):
    content = encoded(np.zeros((4, 4, 3), np.uint8), ".gif")
    (tmp_path / "a.gif").write_bytes(content[:6] + b"\xff\xff\xff\xff" + content[10:])
    with pytest.raises(DataError, match=r"a\.gif: the image claims 65535x65535 pixels"):
        decode(tmp_path / "a.gif")


def test_opencv_prints_nothing_of_a_damaged_image(tmp_path, capfd):
    content = encoded(np.zeros((9, 9, 3), np.uint8), ".tif")
    (tmp_path / "a.tif").write_bytes(content.replace(content[8:16], b"damaged!", 1))
    with suppress(DataError):
        decode(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


def png_claiming(width, height):
    """A PNG with a correct header checksum that claims a size and has a few bytes of pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (1, 1 << 31), (0, 5), (settings.MAX_IMAGE_PIXELS, 2)])
def test_a_claim_beyond_the_bound_is_refused(tmp_path, width, height):
    (tmp_path / "bomb.png").write_bytes(png_claiming(width, height))
    with pytest.raises(DataError, match=rf"bomb.png: the image claims {height}x{width} pixels"):
        decode(tmp_path / "bomb.png")


def test_rubbish_between_jpeg_segments_is_refused(rng):
    """A decoder that looks for the next marker would find the second frame; the first must not hide it."""
    content = encoded(rng.integers(0, 256, (8, 8, 3), np.uint8), ".jpg")
    assert image_size(content) == (8, 8)
    for hidden in (b"\xff\x00\x00\x10", b"\x00", b"abc"):
        with pytest.raises(ValueError, match="marker"):
            image_size(content[:2] + hidden + content[2:])
    # Fill bytes before a marker are allowed.
    assert image_size(content[:2] + b"\xff\xff" + content[2:]) == (8, 8)


@pytest.mark.parametrize(("suffix", "options"), ENCODINGS)
def test_a_cut_image_is_refused_or_decoded(tmp_path, rng, suffix, options):
    content = encoded(rng.integers(0, 256, (16, 16, 3), np.uint8), suffix, options)
    file = tmp_path / f"cut{suffix}"
    for end in [0, 1, 5, 12, 20, 25, 28, 40]:
        file.write_bytes(content[:end])
        with pytest.raises(DataError, match="cut"):
            decode(file)


@pytest.mark.parametrize("content", [b"", b"GIF90a" + bytes(50), b"P5\n4 4\n255\n" + bytes(16), b"II\0*" + bytes(80)])
def test_other_formats_are_refused(tmp_path, content):
    (tmp_path / "other.png").write_bytes(content)
    with pytest.raises(
        DataError, match=r"other\.png: cannot decode the image: no PNG, JPEG, BMP, WebP, TIFF or GIF.*take it"
    ):
        decode(tmp_path / "other.png")


def test_a_missing_image_names_its_path(tmp_path):
    with pytest.raises(DataError, match=r"gone\.png: cannot decode the image: no such file"):
        decode(tmp_path / "gone.png")


@hypothesis_settings(max_examples=200, deadline=None)
@given(
    start=strategies.sampled_from(
        [
            b"\xff\xd8",
            b"BM",
            b"\x89PNG\r\n\x1a\n",
            b"RIFF\0\0\0\0WEBPVP8X",
            b"RIFF\0\0\0\0WEBPVP8L",
            b"II*\0\x08\0\0\0",
            b"MM\0*\0\0\0\x08",
            b"GIF89a",
        ]
    ),
    rest=strategies.binary(max_size=200),
)
def test_any_header_gives_a_size_or_a_value_error(start, rest):
    try:
        height, width = image_size(start + rest)
    except ValueError:
        return
    assert height >= 0
    assert width >= 0


@pytest.mark.parametrize("size", [(16, 16), (9, 40), (64, 48)])
def test_resize_is_bilinear(rng, size):
    image = rng.integers(0, 256, (32, 24, 3), np.uint8)
    planes = torch.from_numpy(image).permute(2, 0, 1)[None].double()
    expected = torch.nn.functional.interpolate(planes, size, mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
    # OpenCV computes u8 in fixed point with 11 bits; the result is rounded once more.
    assert np.abs(resize(image, size) - expected.numpy()).max() <= 1
    assert resize(image, (32, 24)) is image


def test_the_pixels_of_all_scans_of_a_jpeg_are_bounded(tmp_path, monkeypatch):
    """A scan takes ten bytes, and as long as the image is large."""
    usual = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(usual)
    assert decode(tmp_path / "a.jpg").shape == (64, 64, 3)
    last = usual[usual.rindex(b"\xff\xda") : -2]
    (tmp_path / "a.jpg").write_bytes(usual[:-2] + last * (settings.MAX_SCANNED_PIXELS >> 12) + usual[-2:])
    with pytest.raises(DataError, match=r"the image has \d+ scans of 64x64 pixels"):
        decode(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"IEND"])
def test_a_png_chunk_claims_no_more_than_there_is(tmp_path, kind):
    """OpenCV allocates, and clears, up to 4 GiB that the length of a chunk claims."""
    usual = cv2.imencode(".png", np.zeros((5, 7, 3), np.uint8))[1].tobytes()
    at = usual.index(kind) - 4
    (tmp_path / "a.png").write_bytes(usual[:at] + b"\xff" * 4 + usual[at + 4 :])
    with pytest.raises(DataError, match="a PNG chunk is cut off"):
        decode(tmp_path / "a.png")


def test_what_follows_the_end_of_a_png_plays_no_part(tmp_path):
    usual = cv2.imencode(".png", np.zeros((5, 7, 3), np.uint8))[1].tobytes()
    (tmp_path / "a.png").write_bytes(usual + b"\xff" * 50)
    assert decode(tmp_path / "a.png").shape == (5, 7, 3)
