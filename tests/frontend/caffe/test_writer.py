"""`Net` -> files: the same graph again, Caffe's style, and OpenCV's importer as the outside reader."""

import numpy as np
import pytest

from tests.frontend.caffe.opencv_oracle import check_against_opencv
from xdn.element import U8
from xdn.errors import UnsupportedError, XdnError
from xdn.frontend import load, save, to_prototxt
from xdn.frontend.caffe.build import layer_params
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt
from xdn.frontend.caffe.writer import to_message
from xdn.frontend.weights import random_weights
from xdn.graph import Bf16, Epilogue, Layer, Net, ParamSpec, Transform
from xdn.layers.base import LAYERS
from xdn.layers.eltwise import Eltwise
from xdn.layers.elu import ELU
from xdn.layers.input import Input
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.tanh import TanH
from xdn.optimize import apply_stages

STYLE = """\
name: "n"
layer {
  name: "in"
  type: "Input"
  top: "data"
  transform_param {
    scale: 0.015625
    crop_size: 8
    mean_value: 125.3
  }
  data_param {
    source: "s"
  }
  input_param {
    shape {
      dim: 1
      dim: 3
      dim: 8
      dim: 8
    }
  }
}
layer {
  name: "c"
  type: "Convolution"
  bottom: "data"
  top: "c"
  param {
    name: "w"
  }
  param {
  }
  convolution_param {
    num_output: 4
    kernel_size: 3
  }
}
layer {
  name: "bn"
  type: "BatchNorm"
  bottom: "c"
  top: "c"
  batch_norm_param {
    use_global_stats: true
    eps: 0.0001
  }
}
layer {
  name: "p"
  type: "Pooling"
  bottom: "c"
  top: "p"
  pooling_param {
    pool: AVE
    kernel_size: 2
  }
}
"""


def read(text):
    return net_from_message(prototxt.parse(text))


def test_text_in_caffes_style_comes_back_word_for_word():
    assert to_prototxt(read(STYLE)) == STYLE


def test_what_plain_caffe_cannot_say():
    data = Layer("in", Input(((1, 3),), Transform(std=(0.1, 0.2, 0.3), channel_order="rgb")), (), ("data",))
    fused = Epilogue(True, ReLU(negative_slope=0.25))
    net = Net("n", (data, Layer("t", LAYERS["TanH"](), ("data", "data"), ("t",), epilogue=fused)))
    again = read(to_prototxt(net))
    assert again.input_layers[0].params == data.params
    assert again.layer("t").epilogue == fused
    assert again.digest == net.digest
    assert "xdn_param" not in to_prototxt(read(STYLE))


@pytest.mark.parametrize(
    "activation", [PReLU(), PReLU(channel_shared=True), ELU(), ELU(alpha=0.3), Sigmoid(), TanH(), ReLU()], ids=repr
)
@pytest.mark.parametrize("residual", [False, True])
def test_fused_activations_come_back_with_their_weights(tmp_path, activation, residual):
    data = Layer("in", Input(((1, 3, 2, 2),)), (), ("data",))
    bottoms = ("data", "data") if residual else ("data",)
    conv = LAYERS["Convolution"](num_output=3, kernel_size=(1,))
    net = Net("n", (data, Layer("c", conv, bottoms, ("c",), epilogue=Epilogue(residual, activation))))
    net = random_weights(net)
    save(net, tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    again = load(tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    assert again.layer("c").epilogue == net.layer("c").epilogue
    assert again.digest == net.digest


@pytest.mark.parametrize("activation", [None, PReLU(), ReLU()], ids=repr)
@pytest.mark.parametrize("bias", [False, True])
def test_fused_projections_come_back_with_their_weights(tmp_path, activation, bias):
    data = Layer("in", Input(((1, 3, 4, 4),)), (), ("data",))
    conv = LAYERS["Convolution"](num_output=5, kernel_size=(2, 4), stride=(2, 1))
    projection = LAYERS["Convolution"](num_output=5, kernel_size=(1,), stride_h=2, stride_w=4, bias_term=bias)
    epilogue = Epilogue(activation=activation, projection=projection)
    net = random_weights(Net("n", (data, Layer("c", conv, ("data", "data"), ("c",), epilogue=epilogue))))
    save(net, tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    again = load(tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    assert again.layer("c").epilogue == epilogue
    assert again.digest == net.digest


def test_every_layers_defaults_and_changed_parameters_come_back():
    """For each registered type: the message written from its parameters reads back as the same parameters."""
    samples = {"uint32": 3, "int32": 2, "int64": 4, "float": 0.1, "double": 0.1, "bool": True, "string": "x"}
    samples |= {"BlobShape": (5, 6), "NonMaximumSuppressionParameter": (("nms_threshold", 0.1), ("top_k", 4))}
    samples |= {"ReductionParameter": (("operation", "MEAN"), ("axis", 2))}
    for name, cls in LAYERS.items():
        changed = {}
        for field_name, field in cls.proto_fields().items():
            value = list(field.values)[-1] if field.values else samples[field.type]
            changed[field_name] = (value, value) if field.repeated else value
        for params in (cls(), cls(**changed)):
            message = to_message(Net("n", (Layer("x", params, (), ()),)))
            assert layer_params(prototxt.parse(prototxt.write(message)).layer[0]) == params, name


def test_explicit_false_of_a_parameter_without_default_is_written():
    params = LAYERS["BatchNorm"](use_global_stats=False)
    data = Layer("in", Input(((1, 3),)), (), ("data",))
    text = to_prototxt(Net("n", (data, Layer("bn", params, ("data",), ("bn",)))))
    assert "use_global_stats: false" in text


def test_names_with_quotes_and_other_letters():
    data = Layer('a "b" \\ é', Input(((1, 3),)), (), ("data",))
    relu = Layer("relu", ReLU(), ("data",), ("relu",))
    assert read(to_prototxt(Net("ü\n", (data, relu)))).layers[0].name == 'a "b" \\ é'


RESIDUAL = """name: "r"
input: "data" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 7
layer { name: "c1" type: "Convolution" bottom: "data" top: "x"
  convolution_param { num_output: 6 kernel_h: 3 kernel_w: 2 pad: 1 stride: 2 bias_term: false } }
layer { name: "bn1" type: "BatchNorm" bottom: "x" top: "x" batch_norm_param { eps: 1e-4 } }
layer { name: "sc1" type: "Scale" bottom: "x" top: "x" scale_param { bias_term: true } }
layer { name: "re1" type: "ReLU" bottom: "x" top: "x" relu_param { negative_slope: 0.1 } }
layer { name: "c2" type: "Convolution" bottom: "x" top: "y"
  convolution_param { num_output: 6 kernel_size: 3 pad: 1 group: 3 } }
layer { name: "pr" type: "PReLU" bottom: "y" top: "y" }
layer { name: "sum" type: "Eltwise" bottom: "x" bottom: "y" top: "sum" eltwise_param { coeff: 1 coeff: -0.5 } }
layer { name: "re2" type: "ReLU" bottom: "sum" top: "sum" }
layer { name: "cat" type: "Concat" bottom: "sum" bottom: "y" top: "cat" }
layer { name: "pool" type: "Pooling" bottom: "cat" top: "pool" pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layer { name: "lrn" type: "LRN" bottom: "pool" top: "lrn" lrn_param { local_size: 3 alpha: 0.1 } }
layer { name: "ip" type: "InnerProduct" bottom: "lrn" top: "ip" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""


def test_opencv_reads_what_we_write(tmp_path, rng):
    net = random_weights(read(RESIDUAL))
    text, weights = tmp_path / "out" / "net.prototxt", tmp_path / "out" / "net.caffemodel"
    save(net, text, weights)
    assert text.read_text().count('top: "x"') == 4
    check_against_opencv(net, text, weights, rng)
    assert load(text, weights).digest == net.digest


def test_renamed_intermediate_blobs_still_give_the_same_results(tmp_path, rng):
    """After a stage has dropped a layer the marks no longer name the writers; the text is still a right net."""
    net = random_weights(read(RESIDUAL))
    kept = [layer for layer in net.layers if layer.name != "re1"]
    renamed = [la.replace(tops=("x",)) if la.name == "sc1" else la for la in kept]
    net = net.replace(layers=tuple(renamed))
    save(net, tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    check_against_opencv(net, tmp_path / "n.prototxt", tmp_path / "n.caffemodel", rng)


def test_nothing_is_left_when_writing_fails(tmp_path, monkeypatch):
    net = random_weights(read(RESIDUAL))
    monkeypatch.setattr(
        "xdn.frontend.caffe.weights.caffemodel.stored_weights", lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        save(net, tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    assert list(tmp_path.iterdir()) == []


#: Small nets of the zoo, each with a trait of its own.
ZOO = [
    "BXuan694__Caffe/examples__cifar10__cifar10_full_sigmoid_train_test.prototxt",
    "BXuan694__Caffe/examples__mnist__lenet_train_test.prototxt",
    "NHZlX__Auto_pruning/models__resnet20__res20_cifar_train_test.prototxt",
    "dog-qiuqiu__MobileNet-Yolo/yoloface50k-landmark106__caffemodel__landmark106.prototxt",
    "dog-qiuqiu__MobileNet-Yolo/yoloface50k-landmark106__caffemodel__yoloface-50k.prototxt",
    "ethanhe42__resnet-cifar10-caffe/resnet-32__trainval.prototxt",
    "facebook__C3D/C3D-v1.0__examples__mnist__mnist_autoencoder_train.prototxt",
    "hszhao__PSPNet/examples__cifar10__cifar10_full.prototxt",
    "hszhao__PSPNet/examples__net_surgery__conv.prototxt",
    "ludv1x__opencv_contrib/modules__cnn_3dobj__testdata__cv__3d_triplet_testIMG.prototxt",
    "ydwen__caffe-face/mnist_example__mnist_deploy.prototxt",
]


@pytest.mark.parametrize("name", ZOO)
def test_zoo_nets_with_random_weights(material, tmp_path, rng, name):
    net = load(material("zoo", *name.split("/")), random_weights=True)
    text, weights = tmp_path / "n.prototxt", tmp_path / "n.caffemodel"
    save(net, text, weights)
    assert load(text, weights).digest == net.digest
    check_against_opencv(net, text, weights, rng)


@pytest.mark.slow
def test_every_zoo_file_that_loads_comes_back_the_same(material):
    """All 213: a net that reads back from its own text as the same net, or a typed error."""
    found = {True: 0, False: 0}
    for path in sorted(material("zoo").glob("*/*.prototxt")):
        try:
            net = load(path)
        except XdnError:
            found[False] += 1
            continue
        found[True] += 1
        if len(net.layers) < 150:
            assert read(to_prototxt(net)).digest == net.digest, path
    assert found[True] >= 85
    assert sum(found.values()) == 213


def test_arrays_that_lie_otherwise_in_memory(tmp_path):
    weight = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    data = Layer("in", Input(((1, 3),)), (), ("data",))
    params = LAYERS["InnerProduct"](num_output=2, bias_term=False)
    net = Net("n", (data, Layer("i", params, ("data",), ("i",), {"weight": weight})))
    save(net, tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    again = load(tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    assert np.array_equal(again.layer("i").weights["weight"], weight)


def test_what_training_does_to_weights_comes_back(tmp_path):
    data = Layer("in", Input(((1, 3, 2, 2),), Transform(mirror=True)), (), ("data",))
    conv = LAYERS["Convolution"](num_output=3, kernel_size=(1,))
    specs = (ParamSpec(0.1, 0.0), ParamSpec(lr_mult=2.0))
    plain = Layer("c", conv, ("data",), ("c",), shared=("w",))
    net = random_weights(Net("n", (data, plain.replace(param_specs=specs))))
    save(net, tmp_path / "n.prototxt")
    again = load(tmp_path / "n.prototxt")
    assert (again.layer("c").param_specs, again.layer("c").shared) == (specs, ("w", ""))
    assert again.layer("in").params.transform.mirror
    # What only training looks at makes no other net.
    layers = (data.replace(params=Input(((1, 3, 2, 2),))), plain.replace(weights=net.layer("c").weights))
    assert Net("n", layers).digest == net.digest


INTEGERS = """\
layer {
  name: "c"
  type: "Convolution"
  bottom: "data"
  top: "c"
  convolution_param {
    num_output: 3
    kernel_size: 1
  }
  xdn_param { int8 { scale: 0.0213 } }
}
layer {
  name: "s"
  type: "Convolution"
  bottom: "c"
  bottom: "data"
  top: "s"
  convolution_param {
    num_output: 3
    kernel_size: 1
  }
  xdn_param {
    residual: true
    activation: "ReLU"
    int8 { scale: 1e-05 signed: true }
    int8 { scale: 0.0213 }
  }
}
"""
IMAGE = """\
layer {
  name: "data"
  type: "Input"
  top: "data"
  input_param {
    shape {
      dim: 1
      dim: 3
      dim: 4
      dim: 4
    }
  }
}
"""


def test_a_scale_of_8_bit_integers_is_one_line():
    text = IMAGE + INTEGERS
    net = net_from_message(prototxt.parse(text))
    assert to_prototxt(net) == 'name: ""\n' + text
    # Without a line the residual, or the layer, is read in f32.
    fewer = net_from_message(prototxt.parse(text.replace("    int8 { scale: 0.0213 }\n", "")))
    assert (len(fewer.layer("s").quantized), len(net.layer("s").quantized)) == (1, 2)
    none = net_from_message(prototxt.parse("".join(line for line in text.splitlines(True) if "int8" not in line)))
    assert not any(layer.quantized for layer in none.layers)


def test_nets_of_8_bit_integers_come_back_to_the_same_bits(rng):
    net = random_weights(net_from_message(prototxt.parse(IMAGE + INTEGERS)))
    again = net_from_message(prototxt.parse(to_prototxt(net)))
    assert [layer.quantized for layer in again.layers] == [layer.quantized for layer in net.layers]
    again = again.with_weights({layer.name: layer.weights for layer in net.layers})
    assert again.digest == net.digest
    images = {"data": rng.standard_normal((1, 3, 4, 4)).astype(np.float32)}
    assert np.array_equal(again.forward(images)["s"], net.forward(images)["s"])


def test_how_blobs_are_stored_is_not_written():
    net = random_weights(net_from_message(prototxt.parse(IMAGE + INTEGERS)))
    stored = apply_stages(net, ("quantized-storage",))
    assert any(layer.stored for layer in stored.layers)
    again = net_from_message(prototxt.parse(to_prototxt(stored)))
    assert not any(layer.stored for layer in again.layers)
    assert [layer.quantized for layer in again.layers] == [layer.quantized for layer in stored.layers]
    again = again.with_weights({layer.name: layer.weights for layer in stored.layers})
    images = {"data": np.ones((1, 3, 4, 4), np.float32)}
    assert np.array_equal(again.forward(images)["s"], net.forward(images)["s"])


IN_BF16 = INTEGERS.replace("int8 { scale: 0.0213 }", "bf16: true", 1).replace(
    "    int8 { scale: 1e-05 signed: true }\n    int8 { scale: 0.0213 }\n", "    bf16: true\n"
)


def test_reading_bf16_is_one_line():
    net = net_from_message(prototxt.parse(IMAGE + IN_BF16))
    assert to_prototxt(net) == 'name: ""\n' + IMAGE + IN_BF16
    # It stands for a fused residual, too.
    assert [len(layer.quantized) for layer in net.layers] == [0, 1, 2]
    none = net_from_message(
        prototxt.parse("".join(line for line in (IMAGE + IN_BF16).splitlines(True) if "bf16" not in line))
    )
    assert not any(layer.quantized for layer in none.layers)


def test_nets_that_read_bf16_come_back_to_the_same_bits(rng):
    net = random_weights(net_from_message(prototxt.parse(IMAGE + IN_BF16)))
    stored = apply_stages(net, ("quantized-storage",))
    assert [layer.stored for layer in stored.layers if layer.stored] == [(Bf16(),)]
    images = {"data": rng.standard_normal((1, 3, 4, 4)).astype(np.float32)}
    for each in net, stored:
        again = net_from_message(prototxt.parse(to_prototxt(each)))
        again = again.with_weights({layer.name: layer.weights for layer in each.layers})
        assert np.array_equal(again.forward(images)["s"], net.forward(images)["s"])


def test_what_no_field_can_hold_is_named():
    inputs = (Layer(name, Input(((1, 2),), element=U8, scale=0.5), (), (name,)) for name in "ab")
    net = Net("n", (*inputs, Layer("sum", Eltwise(), ("a", "b"), ("y",))))
    with pytest.raises(UnsupportedError, match=r"(?s)2 of the net's layers have no form in a prototxt:.*'a'.*element"):
        to_prototxt(net)
