"""Layers as products of SciPy's BLAS: where they are that, with all that is fused to them, shared by any threads."""

import numpy as np
import pytest

from tests.kernels.checks import LANES, activated, assert_within, feed_for, one_layer_net
from xdn.errors import SettingError
from xdn.graph import Epilogue
from xdn.kernels.core.choice import BLAS, Choice
from xdn.layers.prelu import PReLU
from xdn.layers.sigmoid import Sigmoid
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session


def _configuration(threads, members=None):
    return Configuration(threads, members, "channel", choices={"channel": {"layer": Choice(BLAS)}})


@pytest.mark.parametrize("filters", [1, LANES, 3 * LANES + 5])
@pytest.mark.parametrize(
    "epilogue",
    [None, Epilogue(True), Epilogue(activation=PReLU()), Epilogue(True, Sigmoid())],
    ids=["plain", "sum", "prelu", "sum, sigmoid"],
)
@pytest.mark.parametrize("kind", ["Convolution", "InnerProduct"])
def test_products(kind, epilogue, filters):
    window = {"kernel_size": 1} if kind == "Convolution" else {}
    net = one_layer_net(kind, (7, 5, 3), num_output=filters, epilogue=epilogue, **window)
    feed = feed_for(net, 3)
    expected = net.with_batch(3).forward(feed)["y0"]
    for configuration in (_configuration(1), _configuration(2, 2), _configuration(3, 1)):
        session = Session(net, configuration=configuration)
        assert [step.source.name.op for step in session.plan().steps].count("channel_blas") == 1
        assert_within(session.run(None, feed)[0], expected, activated(net, feed, expected))
        session.close()


def test_more_threads_than_there_is_to_do():
    net = one_layer_net("InnerProduct", (3,), num_output=2)
    feed = feed_for(net, 1)
    np.testing.assert_allclose(
        Session(net, configuration=_configuration(4, 4)).run(None, feed)[0], net.forward(feed)["y0"], rtol=1e-6
    )


@pytest.mark.parametrize(
    "window", [{"kernel_size": 3}, {"kernel_size": 1, "stride": 2}, {"kernel_size": 1, "group": 2}]
)
def test_what_is_no_single_product_is_refused(window):
    net = one_layer_net("Convolution", (4, 5, 5), num_output=4, **window)
    with pytest.raises(SettingError, match="cannot be computed by 'blas'"):
        Session(net, configuration=_configuration(1)).run(None, feed_for(net, 1))
