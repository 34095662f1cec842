"""DetectNet's training nets: what is left of their transformation is a shift of the images."""

import pytest

from xdn.errors import UnsupportedError
from xdn.frontend.caffe.deploy import deployable
from xdn.frontend.caffe.dialects.detectnet import labels_apart
from xdn.frontend.caffe.text import prototxt

NET = """
layer { name: "d" type: "Data" top: "data" }
layer { name: "l" type: "Data" top: "label" }
layer { name: "t" type: "DetectNetTransformation" bottom: "data" bottom: "label" top: "x" top: "y"
        transform_param { %s } }
layer { name: "s" type: "Slice" bottom: "y" top: "y1" top: "y2" }
layer { name: "f" type: "InnerProduct" bottom: "x" top: "f" inner_product_param { num_output: 2 } }
layer { name: "m" type: "Eltwise" bottom: "f" bottom: "y1" top: "m" }
layer { name: "loss" type: "L1Loss" bottom: "m" bottom: "y2" top: "loss" }
layer { name: "g" type: "Python" bottom: "y1" bottom: "y2" top: "g" python_param { module: "m" layer: "Truth" } }
"""


def test_images_are_shifted_and_labels_go():
    net = labels_apart(prototxt.parse(NET % "mean_value: 127 scale: 0.5"))
    layers = deployable(net, input_shape=(3, 4, 4)).layer
    assert [(layer.name, layer.type) for layer in layers] == [("d", "Input"), ("t", "Power"), ("f", "InnerProduct")]
    assert (list(layers[1].bottom), list(layers[1].top)) == (["data"], ["x"])
    assert (layers[1].power_param.scale, layers[1].power_param.shift) == (0.5, -63.5)


def test_other_nets_stay():
    net = prototxt.parse('layer { name: "d" type: "Data" top: "data" top: "label" }')
    assert labels_apart(net) is net


@pytest.mark.parametrize("stated", ["mean_value: 1 mean_value: 2", "crop_size: 3"])
def test_other_transformations_are_refused(stated):
    with pytest.raises(UnsupportedError, match=r"layer 't' \(DetectNetTransformation\): transform_param with"):
        labels_apart(prototxt.parse(NET % stated))
