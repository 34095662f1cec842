"""The second top of happynear's Normalize is a layer of its own."""

import numpy as np
import pytest

from xdn.errors import UnsupportedError
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt

INPUT = 'layer { name: "x_norm" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }'


def normalize(param="normalize_param { }", tops=("y", "length")):
    given = " ".join(f'top: "{top}"' for top in tops)
    return f'layer {{ name: "x" type: "Normalize" bottom: "x" {given} {param} }}'


@pytest.mark.parametrize("tops", [("y", "length"), ("x", "length")])
def test_what_it_computes(rng, tops):
    scale = f'layer {{ name: "back" type: "ChannelScale" bottom: "{tops[0]}" bottom: "length" top: "z" }}'
    net = net_from_message(prototxt.parse(INPUT + normalize(tops=tops) + scale))
    assert [layer.name for layer in net.layers] == ["x_norm", "x_norm_", "x", "back"]
    x = rng.standard_normal((2, 3), np.float32)
    found = net.replace(outputs=("length", "z")).forward({"x": x})
    np.testing.assert_allclose(found["length"], np.linalg.norm(x, axis=1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(found["z"], x, rtol=1e-5, atol=1e-6)


def test_sums_of_magnitudes_are_not_given():
    with pytest.raises(UnsupportedError, match=r"layer 'x' \(Normalize\): normalize_type L1 with a second top"):
        net_from_message(prototxt.parse(INPUT + normalize("normalize_param { normalize_type: 'L1' }")))
