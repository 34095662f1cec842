"""STOCHASTIC pooling gives the mean of what it would draw."""

import numpy as np
import pytest

from xdn.errors import NetError
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt

TEXT = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 dim: 5 dim: 5 } } }
layer { name: "p" type: "Pooling" bottom: "x" top: "p" pooling_param { pool: STOCHASTIC kernel_size: 3 stride: 2 %s } }
"""


def test_what_it_computes(rng):
    x = rng.random((1, 2, 5, 5), np.float32)
    x[0, 0, :3, :3] = 0
    net = net_from_message(prototxt.parse(TEXT % ""))
    assert net.layers[-1].name == "p"
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))[:, :, ::2, ::2].astype(np.float64)
    sums = windows.sum((4, 5))
    expected = (windows**2).sum((4, 5)) / np.where(sums > 0, sums, 1)
    assert expected[0, 0, 0, 0] == 0
    np.testing.assert_allclose(net.forward({"x": x})["p"], expected, rtol=1e-5)


def test_a_pyramid_divides_bin_by_bin(rng):
    x = rng.random((1, 2, 4, 4), np.float32)
    text = TEXT.split('layer { name: "p"')[0].replace("dim: 5", "dim: 4")
    layer = 'layer { name: "p" type: "SPP" bottom: "x" top: "p" spp_param { pool: STOCHASTIC pyramid_height: 2 } }'
    bins = x.reshape(1, 2, 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(1, 2, 4, 4).astype(np.float64)
    expected = [(part**2).sum(3) / part.sum(3) for part in (bins.reshape(1, 2, 1, 16), bins)]
    top = net_from_message(prototxt.parse(text + layer)).forward({"x": x})["p"]
    np.testing.assert_allclose(top, np.concatenate([part.reshape(1, -1) for part in expected], 1), rtol=1e-5)


def test_padding_is_refused_as_in_caffe():
    with pytest.raises(NetError, match=r"layer 'p' \(Pooling\): STOCHASTIC pooling has no padding"):
        net_from_message(prototxt.parse(TEXT % "pad: 1"))
