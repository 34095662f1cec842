"""One value an image and channel, laid over the positions: equal bits."""

import pytest

from tests.kernels.checks import check_layer, check_net, feed_for, one_layer_net
from xdn.runtime.parts import NetPart
from xdn.runtime.session import Session

IMAGES = [(10, 5, 3), (37, 2, 2), (16, 1, 1)]


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("ones", [(), (1, 1)])
def test_axpy(image, ones):
    check_layer("Axpy", (image[0], *ones), image, image)


@pytest.mark.parametrize("image", [*IMAGES, (10, 5)])
@pytest.mark.parametrize("type_name", ["Scale", "Bias"])
def test_a_second_bottom(image, type_name):
    check_layer(type_name, image, image[:1], axis=0)


@pytest.mark.parametrize(
    ("images", "params", "count"),
    [
        ([(4, 3, 2), (4, 3, 2)], {"axis": 0}, 5),
        # A learned bias lies along the batch, too: it is for as many images as the net declares.
        ([(4, 3, 2), (4,)], {"axis": 0, "bias_term": True}, 1),
    ],
)
def test_other_operands_have_no_kernel(images, params, count):
    net = one_layer_net("Scale", *images, **params)
    assert not isinstance(Session(net).parts[0], NetPart)
    check_net(net, feed=feed_for(net, count))
