"""What a model's metadata say of its images."""

import pytest

from tests.optimize.building import data, layer, net_of
from xdn.errors import ParseError
from xdn.frontend.onnx.images import Images, images_of, images_said
from xdn.frontend.onnx.read.net import net_of as read_net
from xdn.frontend.onnx.writer import to_onnx
from xdn.graph import Transform
from xdn.layers.input import PIXEL_SPREAD

TRANSFORM = Transform(scale=0.5, mean_value=(1.0, 2.0, 3.0), std=(4.0,), channel_order="rgb")


def test_what_is_written_is_read_again():
    net = net_of(data(1, 3, 8, 8, transform=TRANSFORM, source="cifar10"), layer("ReLU", "r", ["data"]))
    again = read_net(to_onnx(net), "model").input_layers[0].params
    assert (again.transform, again.source, again.spread) == (TRANSFORM, "cifar10", PIXEL_SPREAD)


def test_nothing_is_said_of_what_is_no_image():
    net = net_of(data(1, 3), layer("ReLU", "r", ["data"]))
    assert images_said(net) == {}
    assert read_net(to_onnx(net), "model").input_layers[0].params.spread == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"transform": 1}', '{"more": 1}', '{"resize": [1]}', '{"transform": {"crop_size": -1}}']
)
def test_metadata_that_are_damaged(text):
    with pytest.raises(ParseError, match=r"metadata 'xdn\.images\.data'"):
        images_of({"xdn.images.data": text}, "data")
    assert images_of({"xdn.images.data": text}, "other") == Images()
