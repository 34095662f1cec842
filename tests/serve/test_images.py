"""Images of requests as a net reads them."""

import cv2
import numpy as np
import pytest

from tests.serve.nets import IMAGES
from xdn import api, settings
from xdn.errors import DataError
from xdn.serve.config import Images
from xdn.serve.datatypes import from_raw
from xdn.serve.images import ImageInput
from xdn.serve.messages import BadRequestError, Tensor

PIXELS = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(1, 4, 4, 3)


@pytest.fixture(name="net")
def fixture_net(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(IMAGES)
    return api.load(path)


def read(net, tensor, **images):
    """Return what a net reads of a tensor, by the fields of `Images`."""
    asked = Images(**images)
    return np.concatenate(list(ImageInput(asked.transformed(net), (3, 4, 4), asked).arrays(tensor)))


def raw(pixels):
    return Tensor("data", "UINT8", pixels)


def encoded(*pixels):
    """Return a tensor of PNG files."""
    files = [cv2.imencode(".png", each)[1].tobytes() for each in pixels]
    return from_raw("data", "BYTES", [len(files)], b"".join(len(f).to_bytes(4, "little") + f for f in files))


def test_raw_and_encoded_images_are_read_alike(net):
    expected = (PIXELS.transpose(0, 3, 1, 2).astype(np.float32) - 10) * np.float32(0.5)
    how = {"mean_value": (10.0,), "scale": 0.5}
    assert np.array_equal(read(net, raw(PIXELS), **how), expected)
    assert np.array_equal(read(net, encoded(PIXELS[0], PIXELS[0]), **how), np.concatenate([expected] * 2))


def test_encoded_images_have_the_order_that_the_net_states(net):
    assert np.array_equal(
        read(net, encoded(PIXELS[0]), channel_order="rgb"), read(net, raw(PIXELS[..., ::-1]), channel_order="rgb")
    )


def test_images_of_other_sizes_are_resized(net):
    large = np.full((1, 9, 5, 3), 7, np.uint8)
    assert (read(net, raw(large)) == 7).all()
    assert (read(net, encoded(large[0])) == 7).all()
    assert read(net, raw(large), size=(8, 8), crop_size=4).shape == (1, 3, 4, 4)


def test_a_crop_is_taken_out_of_the_middle(net):
    large = np.zeros((1, 6, 8, 3), np.uint8)
    large[:, 1:5, 2:6] = PIXELS
    assert np.array_equal(read(net, raw(large), crop_size=4), read(net, raw(PIXELS)))
    with pytest.raises(BadRequestError, match="image 0: images of 3x3 pixels"):
        read(net, raw(np.zeros((1, 3, 3, 3), np.uint8)), crop_size=4)


def test_a_transform_that_does_not_fit_is_found_before_any_request(net):
    with pytest.raises(DataError, match="do not fit"):
        ImageInput(net, (3, 4, 4), Images(size=(8, 8)))
    with pytest.raises(DataError, match=r"absent\.npy"):
        read(net, raw(PIXELS), mean_file="absent.npy")


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Tensor("data", "BYTES", np.array([b"no image"], object)), "image 0: .*no PNG"),
        (Tensor("data", "BYTES", np.array([b""], object)), "image 0: .*no PNG"),
        (raw(np.zeros((1, 4, 4, 1), np.uint8)), "1 channels; the net reads 3"),
        (raw(np.zeros((1, 0, 4, 3), np.uint8)), "0x4 pixels"),
    ],
)
def test_what_is_not_an_image_is_refused(net, tensor, message):
    with pytest.raises(BadRequestError, match=message):
        read(net, tensor)


def test_pixels_are_bounded_before_they_are_decoded(net, monkeypatch):
    monkeypatch.setattr(settings, "MAX_SERVED_PIXELS", 15)
    for tensor in (encoded(PIXELS[0]), raw(PIXELS)):
        with pytest.raises(BadRequestError, match="4x4 pixels; 1 to 15"):
            read(net, tensor)
