"""A convolution of several bottoms is one of each, with the same weights."""

import numpy as np

from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt

INPUTS = """
layer { name: "a" type: "Input" top: "a" input_param { shape { dim: 1 dim: 2 dim: 3 dim: 4 } } }
layer { name: "b" type: "Input" top: "b" input_param { shape { dim: 1 dim: 2 dim: 5 dim: 4 } } }
"""


def test_each_bottom_has_its_top_and_all_have_the_weights_of_the_first(rng):
    layer = (
        'layer { name: "c" type: "Convolution" bottom: "a" bottom: "b" top: "y" top: "z" '
        "param { lr_mult: 1 } convolution_param { num_output: 3 kernel_size: 1 } }"
    )
    other = 'layer { name: "c_2" type: "ReLU" bottom: "z" top: "r" }'
    net = net_from_message(prototxt.parse(INPUTS + layer + other))
    assert [(each.name, each.bottoms, each.tops) for each in net.layers[2:]] == [
        ("c", ("a",), ("y",)),
        ("c_2_2", ("b",), ("z",)),
        ("c_2", ("z",), ("r",)),
    ]
    first, second = net.layers[2:4]
    assert first.shared == second.shared == ("c/0", "c/1")
    assert first.param_specs == second.param_specs
    weights = {"weight": rng.standard_normal((3, 2, 1, 1), np.float32), "bias": rng.standard_normal(3, np.float32)}
    net = net.with_weights({"c": weights, "c_2_2": weights})
    values = {name: rng.standard_normal(net.blobs[name].shape, np.float32) for name in "ab"}
    found = net.replace(outputs=("y", "z")).forward(values)
    for bottom, top in (("a", "y"), ("b", "z")):
        expected = np.einsum("kc,nchw->nkhw", weights["weight"][..., 0, 0], values[bottom])
        np.testing.assert_allclose(found[top], expected + weights["bias"][:, None, None], rtol=1e-4, atol=1e-5)


def test_without_a_bias_and_with_names_that_the_file_has():
    layer = (
        'layer { name: "c" type: "Deconvolution" bottom: "a" bottom: "b" top: "y" top: "z" '
        'param { name: "own" } convolution_param { num_output: 3 kernel_size: 1 bias_term: false } }'
    )
    net = net_from_message(prototxt.parse(INPUTS + layer))
    assert [each.shared for each in net.layers[2:]] == [("own",)] * 2
