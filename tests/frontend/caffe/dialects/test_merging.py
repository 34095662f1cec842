"""MergeCrop becomes a Crop of the middle, and what joins it."""

import numpy as np
import pytest

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.dialects.merging import merged_apart
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt

INPUT = """layer { name: "i" type: "Input" top: "a" top: "b"
    input_param { shape { dim: 1 dim: 2 dim: 3 dim: 4 } shape { dim: 1 dim: 2 dim: 7 dim: 6 } } }
"""


def merge(param="", bottoms=("a", "b")):
    read = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
    return f'layer {{ name: "m" type: "MergeCrop" {read} top: "m" mergecrop_param {{ {param} }} }}'


@pytest.mark.parametrize("param", ["", "operation: STACK forward: true forward: true backward: true", "operation: ADD"])
def test_what_it_computes(rng, param):
    net = net_from_message(prototxt.parse(INPUT + merge(param)))
    a = rng.standard_normal((1, 2, 3, 4), np.float32)
    b = rng.standard_normal((1, 2, 7, 6), np.float32)
    middle = b[:, :, 2:5, 1:5]
    expected = a + middle if "ADD" in param else np.concatenate([a, middle], axis=1)
    np.testing.assert_array_equal(net.forward({"a": a, "b": b})["m"], expected)


def test_the_crop_has_a_name_of_its_own():
    net = prototxt.parse('layer { name: "m_crop" type: "ReLU" bottom: "a" top: "r" }' + merge())
    merged_apart(net)
    assert [(layer.name, layer.type) for layer in net.layer] == [
        ("m_crop", "ReLU"),
        ("m_crop_", "Crop"),
        ("m", "Concat"),
    ]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (merge("forward: true forward: false"), UnsupportedError, "forward: false leaves out a bottom"),
        (merge(bottoms=("a",)), NetError, "1 bottoms and 1 tops"),
    ],
)
def test_what_does_not_fit_is_refused(text, error, message):
    with pytest.raises(error, match=rf"layer 'm' \(MergeCrop\): {message}"):
        merged_apart(prototxt.parse(text))
