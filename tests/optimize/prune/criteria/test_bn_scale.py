"""Scale's factors, wherever a Scale stands on a group's channels."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import importance, small_resnet
from xdn.errors import UnsupportedError


def gamma(net, name):
    return np.abs(net.layer(name).weights["scale"].astype(np.float64))


def test_the_factors_of_tied_layers_add_up():
    net = small_resnet()
    expected = gamma(net, "stem_scale") + gamma(net, "oneb_scale")
    np.testing.assert_allclose(importance("bn-scale", net, "stem"), expected)
    np.testing.assert_allclose(importance("bn-scale", net, "onea"), gamma(net, "onea_scale"))


def before_the_convolution(**scale):
    """Return a net as DenseNets are: BatchNorm, Scale and ReLU before the convolution that reads a concatenation."""
    return net_of(
        data(2, 3, 4, 4),
        conv("first", "data", 4),
        conv("second", "first", 3),
        layer("Concat", "cat", ["first", "second"]),
        layer("BatchNorm", "bn", ["cat"]),
        layer("Scale", "scale", ["bn"], **scale),
        layer("ReLU", "relu", ["scale"]),
        conv("last", "relu", 2),
    )


def test_after_a_concatenation_each_group_has_its_part():
    net = before_the_convolution()
    np.testing.assert_allclose(importance("bn-scale", net, "first"), gamma(net, "scale")[:4])
    np.testing.assert_allclose(importance("bn-scale", net, "second"), gamma(net, "scale")[4:])


def test_a_scale_of_every_position_counts_by_its_mean():
    net = before_the_convolution(num_axes=-1)
    expected = gamma(net, "scale")[4:].mean(axis=(1, 2))
    np.testing.assert_allclose(importance("bn-scale", net, "second"), expected, rtol=1e-6)


@pytest.mark.parametrize("scale", [{"axis": 2}, {"num_axes": 0}])
def test_a_scale_that_knows_no_channels_is_none(scale):
    with pytest.raises(UnsupportedError, match=r"group 'first': .*Choose another criterion"):
        importance("bn-scale", before_the_convolution(**scale), "first")
