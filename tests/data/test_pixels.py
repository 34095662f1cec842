import numpy as np
import pytest

from xdn.data.pixels import PixelTransform
from xdn.errors import DataError
from xdn.graph import Transform

SHAPE = (8, 10, 3)


def caffe(image, transform, mean_image=None, side=0):
    """Caffe's data_transformer.cpp, element by element, in double precision; returns (C, h, w)."""
    height, width, channels = image.shape
    h, w = (side, side) if side else (height, width)
    h_off, w_off = (height - h) // 2, (width - w) // 2
    result = np.empty((channels, h, w))
    for c in range(channels):
        values = transform.mean_value
        value = values[c if len(values) > 1 else 0] if values else 0.0
        std = transform.std[c if len(transform.std) > 1 else 0] if transform.std else 1.0
        for y in range(h):
            for x in range(w):
                mean = value if mean_image is None else mean_image[c, h_off + y, w_off + x]
                result[c, y, x] = (float(image[h_off + y, w_off + x, c]) - mean) * transform.scale / std
    return result


TRANSFORMS = [
    Transform(),
    Transform(scale=0.00390625),
    Transform(mean_value=(125.3, 123.0, 113.9), scale=0.015625),
    Transform(mean_value=(117.0,), crop_size=6),
    Transform(std=(58.4, 57.1, 57.4), mean_value=(1.0, 2.0, 3.0), crop_size=7),
    Transform(std=(2.0,), crop_size=8),
]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_agrees_with_caffe(rng, transform, dtype):
    images = rng.integers(0, 256, (3, *SHAPE)).astype(dtype)
    side = transform.crop_size
    input_shape = (3, side, side) if side else (3, *SHAPE[:2])
    found = PixelTransform.of(transform, SHAPE, input_shape).apply(images)
    expected = np.stack([caffe(image, transform, side=side) for image in images])
    assert (found.dtype, found.shape, found.flags.c_contiguous) == (np.float32, (3, *input_shape), True)
    # Three roundings to f32 (mean, factor, result), each 2^-24 relative to values up to 256 times the factor.
    np.testing.assert_allclose(found, expected, rtol=4e-7, atol=256 * np.abs(transform.scale) * 2e-7)


@pytest.mark.parametrize("side", [0, 5])
def test_a_mean_image_is_cropped_with_the_image(rng, tmp_path, side):
    images = rng.integers(0, 256, (2, *SHAPE), np.uint8)
    mean = rng.uniform(0, 255, (3, *SHAPE[:2])).astype(np.float32)
    (tmp_path / "mean.binaryproto").write_bytes(b"")
    transform = Transform(mean_file="mean.binaryproto", crop_size=side, scale=0.5)
    input_shape = (3, side, side) if side else (3, *SHAPE[:2])
    read = {tmp_path / "mean.binaryproto": mean}.__getitem__
    pixels = PixelTransform.of(transform, SHAPE, input_shape, [tmp_path], read)
    assert pixels.mean.shape == input_shape
    expected = np.stack([caffe(image, transform, mean, side) for image in images])
    np.testing.assert_allclose(pixels.apply(images), expected, rtol=4e-7, atol=2e-5)


def test_the_numbers_are_single_precision_in_the_stated_order():
    pixels = PixelTransform.of(Transform(mean_value=(0.1,), scale=0.3, std=(0.7,)), (1, 1, 1), (1, 1, 1))
    f32 = np.float32
    assert pixels.factor.tolist() == [f32(0.3 / 0.7)]
    assert pixels.apply(np.full((1, 1, 1, 1), 200, np.uint8)).item() == (f32(200) - f32(0.1)) * f32(0.3 / 0.7)


def test_mean_files_are_looked_for_in_order(tmp_path):
    first, second = tmp_path / "net", tmp_path / "work"
    for folder in (first, second):
        (folder / "sub").mkdir(parents=True)
    (second / "sub" / "mean").write_bytes(b"")
    asked = []

    def read(path):
        asked.append(path)
        return np.zeros((3, *SHAPE[:2]), np.float32)

    def build(name):
        return PixelTransform.of(Transform(mean_file=name), SHAPE, (3, *SHAPE[:2]), [first, second], read)

    build("sub/mean")
    (first / "sub" / "mean").write_bytes(b"")
    build("sub/mean")
    build(str(second / "sub" / "mean"))
    build("../work/sub/mean")
    assert [path.resolve() for path in asked] == [
        second / "sub" / "mean",
        first / "sub" / "mean",
        second / "sub" / "mean",
        second / "sub" / "mean",
    ]
    with pytest.raises(DataError, match=r"'gone' is not there; looked for .*net/gone, .*work/gone.*--mean-file"):
        build("gone")


@pytest.mark.parametrize(
    ("transform", "input_shape", "problem"),
    [
        (Transform(), (1, 8, 10), "3 channels; the net's input has 1"),
        (Transform(), (3, 8, 8), "8x10 pixels do not fit the net's input of 8x8.*--crop"),
        (
            Transform(crop_size=6),
            (3, 8, 8),
            "cropped to 6x6, do not fit the net's input of 8x8. Cut out their middle with --crop 8, or .* --size 8x8",
        ),
        (
            Transform(crop_size=9),
            (3, 9, 9),
            "8x10 pixels, cropped to 9x9, do not fit .* Resize image files with --size 9x9",
        ),
        (Transform(), (3, 9, 7), "Resize image files with --size 9x7"),
        (Transform(mean_value=(1.0, 2.0)), (3, 8, 10), "mean_value.*each of the 3 channels"),
        (Transform(mean_value=(float("nan"),)), (3, 8, 10), "mean_value"),
        (Transform(std=(1.0, 2.0)), (3, 8, 10), "std.*each of the 3 channels"),
        (Transform(std=(1.0, 0.0, 1.0)), (3, 8, 10), "std must be positive"),
        (Transform(scale=float("inf")), (3, 8, 10), "finite"),
        (Transform(mean_file="mean", mean_value=(1.0,)), (3, 8, 10), "exclude each other"),
        (Transform(mean_file="mean"), (3, 8, 10), "--mean-file"),
    ],
)
def test_what_does_not_fit_is_refused(transform, input_shape, problem):
    with pytest.raises(DataError, match=problem):
        PixelTransform.of(transform, SHAPE, input_shape)


def test_a_mean_image_of_another_size_is_refused(tmp_path):
    (tmp_path / "mean").write_bytes(b"")
    with pytest.raises(DataError, match=r"mean: the mean image has the shape \(3, 4, 4\), the images \(3, 8, 10\)"):
        PixelTransform.of(
            Transform(mean_file="mean"), SHAPE, (3, 8, 10), [tmp_path], lambda _: np.zeros((3, 4, 4), np.float32)
        )


def test_another_channel_order_is_an_error():
    transform = Transform(channel_order="bgr")
    for order in ("", "bgr"):
        PixelTransform.of(transform, SHAPE, (3, 8, 10), channel_order=order)
    PixelTransform.of(Transform(), SHAPE, (3, 8, 10), channel_order="rgb")
    with pytest.raises(DataError, match=r"in the order rgb; the net expects bgr.*--data-order bgr.*--channel-order"):
        PixelTransform.of(transform, SHAPE, (3, 8, 10), channel_order="rgb")


def test_grey_images_have_no_order_that_could_be_wrong():
    PixelTransform.of(Transform(channel_order="bgr"), (8, 10, 1), (1, 8, 10), channel_order="grey")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "transform",
    [
        Transform(scale=1e300),
        Transform(std=(1e-60,)),
        Transform(scale=1e300, std=(1e-60,)),
        Transform(mean_value=(1e39,)),
    ],
)
def test_what_f32_cannot_hold_is_refused(transform):
    with pytest.raises(DataError, match=r"(scale / std|mean_value) is beyond what f32 holds"):
        PixelTransform.of(transform, SHAPE, (3, *SHAPE[:2]))
