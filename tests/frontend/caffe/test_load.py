"""Whole nets from files: the shared models against OpenCV, states, flags, and errors that name the file."""

import numpy as np
import pytest

from tests.frontend.caffe.opencv_oracle import check_against_opencv
from tests.layers.sequences import lstm_loop
from xdn.errors import NetError, ParseError, ShapeError, UnsupportedError, WeightsError, XdnError
from xdn.frontend import find_weights, load, save, summary
from xdn.frontend.caffe.load import Caffe
from xdn.frontend.caffe.weights.caffemodel import write_caffemodel
from xdn.graph import Blob, Layer, Net
from xdn.layers.denseblock import DenseBlock

INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n'
RELU = 'layer { name: "r" type: "ReLU" bottom: "data" top: "r" }\n'


def write(folder, text, name="net.prototxt"):
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        ("cifar10_full", "deploy"),
        ("cifar10_full", "train_test"),
        ("resnet20", "train_test"),
        ("resnet56", "train_test"),
    ],
)
def test_models_agree_with_opencv(material, tmp_path, rng, folder, text):
    source = material("models", folder, f"{text}.prototxt")
    net = load(source, find_weights(source))
    assert net.inputs[next(iter(net.inputs))].shape[1:] == (3, 32, 32)
    assert net.outputs == ("prob",)
    save(net, tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    check_against_opencv(net, tmp_path / "n.prototxt", tmp_path / "n.caffemodel", rng, scale=40)
    if text == "deploy":
        check_against_opencv(net, source, find_weights(source), rng, scale=40)


def test_resnet50_agrees_with_opencv_on_its_own_files(material, rng):
    source = material("models", "resnet50", "deploy.prototxt")
    weights = find_weights(source)
    net = load(source, weights)
    check_against_opencv(net, source, weights, rng, scale=1)
    trained = load(source.with_name("train_val.prototxt"), weights)
    assert [layer.name for layer in trained.layers] == [layer.name for layer in net.layers]
    transform = trained.input_layers[0].params.transform
    assert (transform.scale, transform.mean_value, transform.crop_size) == (0.015625, (125.3, 123.0, 113.9), 0)
    assert trained.input_layers[0].params.source.endswith("cifar10_test_lmdb")


def test_phases_have_their_own_transforms(material):
    source = material("models", "resnet56", "train_test.prototxt")
    test, train = load(source), load(source, phase="TRAIN")
    assert test.inputs["Data1"].shape == (1, 3, 32, 32)
    assert train.inputs["Data1"].shape == (1, 3, 28, 28)
    assert train.input_layers[0].params.transform.crop_size == 28
    assert load(source, input_shape=(3, 40, 48)).inputs["Data1"].shape == (1, 3, 40, 48)


def test_levels_and_stages(tmp_path):
    text = INPUT + 'layer { name: "r" type: "ReLU" bottom: "data" top: "r" include { stage: "s" min_level: 2 } }'
    path = write(tmp_path, text)
    with pytest.raises(NetError, match=r"net\.prototxt: there is nothing to compute: .*: 'in' \(Input\).*--net-stage"):
        load(path)
    assert load(path, level=2, stages=["s"]).outputs == ("r",)


def test_the_folder_is_kept(tmp_path):
    assert load(write(tmp_path, INPUT + RELU)).folder == tmp_path


def test_without_weights_the_net_can_be_looked_at(tmp_path):
    path = write(tmp_path, INPUT + 'layer { name: "s" type: "Scale" bottom: "data" top: "s" }')
    net = load(path)
    assert net.blobs["s"].shape == (1, 3, 8, 8)
    with pytest.raises(WeightsError, match="--random-weights"):
        net.require_weights()
    load(path, random_weights=True).require_weights()


def test_weights_and_random_weights_exclude_each_other(tmp_path):
    with pytest.raises(WeightsError, match="one of them"):
        load(write(tmp_path, INPUT), tmp_path / "w", random_weights=True)


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("layer { nam: 1 }", ParseError, "net.prototxt:1:9: .*The nearest known: name"),
        ('layer { name: "x" type: "Sharpen" }', UnsupportedError, "net.prototxt: layer 'x': .*'Sharpen'"),
        ('layer { name: "x" type: "ReLU" bottom: "b" top: "t" }', NetError, "net.prototxt: layer 'x' .*unknown bottom"),
        (
            INPUT + 'layer { name: "x" type: "InnerProduct" bottom: "data" top: "t" }',
            ShapeError,
            "net.prototxt: layer 'x' .*num_output",
        ),
        ('layer { name: "d" type: "Data" top: "data" }' + RELU, NetError, "--input-shape"),
    ],
)
def test_errors_name_the_file_and_the_layer(tmp_path, text, kind, word):
    with pytest.raises(kind, match=word) as caught:
        load(write(tmp_path, text))
    assert type(caught.value) is kind


def test_weights_of_another_net(material, tmp_path):
    models = material("models")
    with pytest.raises(WeightsError, match=r"layer 'Convolution8'.*\(16, 16, 3, 3\), found \(32, 16, 1, 1\)"):
        load(models / "resnet56" / "train_test.prototxt", models / "resnet20" / "resnet20.caffemodel")


def test_a_prototxt_given_as_weights_and_the_other_way_round(tmp_path, material):
    path = write(tmp_path, INPUT + 'layer { name: "s" type: "Scale" bottom: "data" top: "s" }')
    with pytest.raises(ParseError, match="byte 0"):
        load(path, path)
    with pytest.raises(ParseError, match=r"cifar10_full\.caffemodel: byte \d+: this is a binary file.*--weights"):
        load(material("models", "cifar10_full", "cifar10_full.caffemodel"))


def test_number_of_layers_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("xdn.settings.MAX_LAYERS", 1)
    with pytest.raises(NetError, match="2 layers; at most 1"):
        load(write(tmp_path, INPUT + INPUT))


def test_find_weights(tmp_path):
    path = write(tmp_path, INPUT)
    with pytest.raises(WeightsError, match=r"no caffemodel lies here.*--weights.*--random-weights"):
        find_weights(path)
    (tmp_path / "a.caffemodel").touch()
    assert find_weights(path) == tmp_path / "a.caffemodel"
    (tmp_path / "b.caffemodel").touch()
    with pytest.raises(WeightsError, match=r"several.*a\.caffemodel, b\.caffemodel; none is net\.caffemodel"):
        find_weights(path)
    (tmp_path / "net.caffemodel.h5").touch()
    assert find_weights(path) == tmp_path / "net.caffemodel.h5"
    (tmp_path / "net.caffemodel").touch()
    assert find_weights(path) == tmp_path / "net.caffemodel"


def test_no_weights_are_looked_for_beside_what_is_not_a_net(tmp_path):
    path = write(tmp_path, 'net: "train.prototxt" base_lr: 0.1 max_iter: 3', "solver.prototxt")
    with pytest.raises(
        ParseError, match=r"solver\.prototxt: .*this is a solver.*xdn-train.*'train\.prototxt': give that"
    ):
        find_weights(path)


@pytest.mark.parametrize("data", ["ImageData", "HDF5Data", "Input", "FancyData"])
def test_a_net_of_data_alone_is_refused(tmp_path, data):
    path = write(tmp_path, f'layer {{ name: "d" type: "{data}" top: "data" top: "label" }}')
    for shape in (None, (3, 8, 8)):
        with pytest.raises(NetError, match=rf"there is nothing to compute: the net only has data: 'd' \({data}\)"):
            load(path, input_shape=shape)


FEATURES = """
layer { name: "d" type: "HDF5Data" top: "data" top: "more" top: "label" hdf5_data_param { source: "l" batch_size: 8 } }
layer { name: "f" type: "InnerProduct" bottom: "data" top: "f" inner_product_param { num_output: 5 } }
layer { name: "g" type: "InnerProduct" bottom: "more" top: "g" inner_product_param { num_output: 5 } }
layer { name: "s" type: "Eltwise" bottom: "f" bottom: "g" top: "s" }
layer { name: "l" type: "SoftmaxWithLoss" bottom: "s" bottom: "label" top: "l" }
"""


def test_shapes_of_features_by_the_names_of_inputs(tmp_path):
    path = write(tmp_path, FEATURES)
    net = load(path, input_shape={"data": (7,), "more": (2, 3, 4, 5, 6)})
    assert {name: blob.shape for name, blob in net.inputs.items()} == {"data": (1, 7), "more": (1, 2, 3, 4, 5, 6)}
    with pytest.raises(NetError, match=r"an input of unknown shape: more.*--input-shape NAME="):
        load(path, input_shape={"data": (7,)})
    for shape in (None, (7,)):
        with pytest.raises(NetError, match=r"2 inputs of unknown shapes: data, more.*--input-shape NAME="):
            load(path, input_shape=shape)
    with pytest.raises(NetError, match="names 'label', which is not an input; the inputs are: data, more"):
        load(path, input_shape={"data": (7,), "more": (3,), "label": (1,)})


@pytest.mark.parametrize("shape", [(784,), (3, 4), (1, 2, 3, 4, 5)])
def test_the_shape_of_one_input_of_features(tmp_path, shape):
    path = write(tmp_path, FEATURES.replace('"more"', '"data"', 2).replace('top: "data" top: "data"', 'top: "data"'))
    assert load(path, input_shape=shape).inputs["data"].shape == (1, *shape)
    with pytest.raises(NetError, match=r"layer 'd' \(HDF5Data\): .*--input-shape, without the batch: 784"):
        load(path)


def test_declared_shapes_that_are_said_otherwise(tmp_path):
    shapes = "input_shape { dim: 4 dim: 3 } input_shape { dim: 4 dim: 5 }"
    path = write(tmp_path, f'input: "a" input: "b" {shapes}' + RELU.replace('"data"', '"a"'))
    net = load(path, input_shape={"b": (2, 2)})
    assert [blob.shape for blob in net.inputs.values()] == [(4, 3), (4, 2, 2)]
    with pytest.raises(NetError, match=r"this one has: a, b\. Name each: --input-shape NAME="):
        load(path, input_shape=(2, 2))
    path = write(tmp_path, 'input: "a" input: "b" ' + RELU.replace('"data"', '"a"'))
    with pytest.raises(NetError, match=r"nothing tells the shape of a\. Say it too, with one more --input-shape"):
        load(path, input_shape={"b": (2, 2)})


@pytest.mark.parametrize(
    "text", ["", 'name: "empty"', INPUT.replace('top: "data"', 'top: "data" include { phase: TRAIN }')]
)
def test_a_net_without_layers_is_refused(tmp_path, text):
    with pytest.raises(NetError, match=r"net\.prototxt: the net has no layers"):
        load(write(tmp_path, text))


PYTHON = 'layer { name: "p" type: "Python" bottom: "data" top: "p" python_param { module: "m" layer: "L" } }\n'
WARPED = (
    'layer { name: "w" type: "Sharpen" bottom: "data" top: "data" }'
    'layer { name: "r" type: "ReLU" bottom: "data" top: "r" }'
)


def test_a_summary_takes_unknown_types(tmp_path):
    path = write(tmp_path, INPUT + PYTHON + WARPED)
    found = summary(path)
    assert [(row.name, row.type, row.known, row.shapes) for row in found.layers] == [
        ("in", "Input", True, ((1, 3, 8, 8),)),
        ("p", "Python", False, (None,)),
        ("w", "Sharpen", False, (None,)),
        ("r", "ReLU", True, (None,)),
    ]
    assert found.unknown_types == {"Python": 1, "Sharpen": 1}
    with pytest.raises(UnsupportedError, match=r"layer 'p' \(Python\)"):
        load(path)
    with pytest.raises(UnsupportedError, match=r"layer 'w': XDN lacks the types of 1 of .* 3 layers: 'Sharpen'"):
        load(write(tmp_path, INPUT + WARPED))


def test_a_summary_knows_the_phases_and_the_images_shape(tmp_path):
    path = write(tmp_path, INPUT + WARPED.replace('"Sharpen"', '"Sharpen" include { phase: TRAIN }'))
    assert summary(path).unknown_types == {}
    found = summary(path, phase="TRAIN", input_shape=(3, 4, 5))
    assert found.unknown_types == {"Sharpen": 1}
    assert found.layers[0].shapes == ((1, 3, 4, 5),)


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ('layer { name: "x" }', UnsupportedError, "layer 'x': the layer has no type"),
        ("", NetError, "no layers"),
        ("layers { layer { name: 'x' type: 'warp' } }", UnsupportedError, "V0 has no layer type 'warp'"),
    ],
)
def test_what_a_summary_refuses(tmp_path, text, kind, word):
    with pytest.raises(kind, match=rf"net\.prototxt: .*{word}"):
        summary(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "known", "said"),
    [
        # A part of a net, fields of forks, inputs of unknown shapes, Python whose text is not understood.
        (RELU, [False], "unknown bottom blob 'data'"),
        (INPUT + RELU.replace("}", "relu_param { bent: 3 } }", 1), [True, True], "no field 'bent'"),
        ('layer { name: "d" type: "Data" top: "data" top: "label" }' + RELU, [False, False], "nothing tells its shape"),
        (FEATURES, [False] * 5, "nothing tells its shape"),
        ('input: "a" input: "b" ' + RELU.replace('"data"', '"a"'), [False, False], "nothing tells its shape"),
        (
            INPUT + PYTHON.replace('"L"', '"ProposalLayer" param_str: "1, 2, 3"'),
            [True, False],
            "param_str, line 1",
        ),
        (
            INPUT + 'layer { name: "r" type: "ShuffleChannel" bottom: "data" top: "r" relu_param { negative_slope: 1 } '
            "shuffle_channel_param { group: 3 } }",
            [True, True],
            "relu_param is passed over",
        ),
    ],
)
def test_a_summary_shows_whatever_can_be_read(tmp_path, text, known, said, caplog):
    path = write(tmp_path, text)
    found = summary(path)
    assert [row.cost is not None for row in found.layers] == known
    assert [row.shapes.count(None) == 0 for row in found.layers] == known
    assert said in caplog.text
    with pytest.raises(XdnError):
        load(path)


@pytest.mark.parametrize("text", ['layer { name: "x" tipe: "ReLU" }', 'net { name: "x" }'])
def test_a_summary_refuses_what_is_not_a_net(tmp_path, text):
    with pytest.raises(ParseError, match="no field"):
        summary(write(tmp_path, text))


def test_many_layers_of_one_name_cost_little(tmp_path, caplog):
    caplog.set_level(100, "xdn")
    relus = 'layer { name: "r" type: "ReLU" bottom: "data" top: "data" }' * 8000
    net = load(write(tmp_path, INPUT + 'layer { name: "r_3" type: "ReLU" bottom: "data" top: "data" }' + relus))
    assert [layer.name for layer in net.layers[:5]] == ["in", "r_3", "r", "r_2", "r_4"]
    assert net.layers[-1].name == "r_8001"


def test_a_name_that_is_too_long_for_a_file_is_none(tmp_path):
    text = f'layer {{ name: "d" type: "Data" top: "d" transform_param {{ mean_file: "{"m" * 5000}" }} }}'
    text += RELU.replace('bottom: "data"', 'bottom: "d"')
    with pytest.raises(NetError, match="--input-shape"):
        load(write(tmp_path, text))


def test_a_net_of_which_nothing_is_left_is_refused(tmp_path):
    data = 'layer { name: "d" type: "Data" top: "data" top: "label" transform_param { crop_size: 8 } }'
    both = 'layer { name: "show" type: "ImageOutput" bottom: "data" bottom: "label" }'
    with pytest.raises(NetError, match=r"nothing is left to compute.*'show' \(ImageOutput\)"):
        load(write(tmp_path, data + both))


@pytest.mark.parametrize(
    ("layers", "blobs"),
    [
        ('layer { name: "a" type: "Accuracy" bottom: "fc" bottom: "label" top: "a" include { phase: TEST } }', ("fc",)),
        ('layer { name: "l" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" include { phase: TRAIN } }', ("ip",)),
        ('layers { name: "l" type: SOFTMAX_LOSS bottom: "ip" bottom: "label" }', ("ip",)),
        ('layer { name: "e" type: "EuclideanLoss" bottom: "box" bottom: "label" }', ()),
        ('layer { name: "p" type: "Softmax" bottom: "fc" top: "p" }', ()),
        ('layer { name: "a" type: "Accuracy" }', ()),
    ],
)
def test_what_accuracy_and_losses_over_classes_read(tmp_path, layers, blobs):
    (tmp_path / "net.prototxt").write_text(layers)
    assert Caffe().compared_with_labels(tmp_path / "net.prototxt") == blobs


def test_each_once_in_order(tmp_path):
    loss = 'layer {{ name: "{0}" type: "SoftmaxWithLoss" bottom: "{1}" bottom: "label" }}'
    text = "".join(loss.format(name, blob) for name, blob in (("a", "one"), ("b", "two"), ("c", "one")))
    (tmp_path / "net.prototxt").write_text(text)
    assert Caffe().compared_with_labels(tmp_path / "net.prototxt") == ("one", "two")


@pytest.mark.parametrize("use", [False, True])
def test_a_dense_block_is_read_as_its_layers(tmp_path, rng, use):
    """Whether there are bottlenecks is told by the file's weights where the text does not say it."""
    block = 'layer { name: "b" type: "DenseBlock" bottom: "data" top: "b" denseblock_param { %s } }\n'
    path = write(tmp_path, INPUT + block % "numTransition: 2 growthRate: 4" + RELU.replace("data", "b"))
    params = DenseBlock(numTransition=2, growthRate=4, use_BC=use)
    weights = {name: rng.uniform(0.5, 1.5, shape) for name, shape in params.weight_shapes([Blob((1, 3, 8, 8))]).items()}
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    block = Layer("b", params, ("data",), ("b",), weights)
    write_caffemodel(tmp_path / "net.caffemodel", Net("", (load(path).input_layers[0], block)))
    net = load(path, tmp_path / "net.caffemodel")
    assert {layer.type for layer in net.layers} == {"Input", "BatchNorm", "ReLU", "Convolution", "Concat"}
    assert net.blobs["r"].shape == (1, 11, 8, 8)
    x = rng.standard_normal((1, 3, 8, 8)).astype(np.float32)
    (expected,) = params.reference([x], weights, 1)
    np.testing.assert_array_equal(net.forward({"data": x})["r"], np.maximum(expected, 0))
    assert len(load(path).layers) == 10  # Without weights, by the text alone.


def test_a_recurrent_net(tmp_path, rng):
    """Weights stand in the file as Caffe's unrolled net names them: W_xc, b_c, W_hc."""
    text = """input: "x" input_shape { dim: 5 dim: 2 dim: 3 } input: "go_on" input_shape { dim: 5 dim: 2 }
    layer { name: "l" type: "LSTM" bottom: "x" bottom: "go_on" top: "l"
      recurrent_param { num_output: 4 debug_info: true weight_filler { type: "xavier" } } }
    layer { name: "f" type: "InnerProduct" bottom: "l" top: "f" inner_product_param { num_output: 2 axis: 2 } }
    """
    path = write(tmp_path, text)
    shapes = {"W_xc": (16, 3), "b_c": (16,), "W_hc": (16, 4)}
    blobs = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    last = {"weight": np.ones((2, 4), np.float32), "bias": np.zeros(2, np.float32)}
    net = load(path)
    layers = [layer.replace(weights={"l": blobs, "f": last}.get(layer.name, {})) for layer in net.layers]
    write_caffemodel(tmp_path / "net.caffemodel", Net("", tuple(layers)))
    net = load(path, tmp_path / "net.caffemodel")
    x, go_on = rng.standard_normal((5, 2, 3)).astype(np.float32), np.ones((5, 2), np.float32)
    named = dict(zip(("input.weight", "input.bias", "hidden.weight"), blobs.values(), strict=True))
    expected, *_ = lstm_loop(x, go_on, named)
    found = net.forward({"x": x, "go_on": go_on})["f"]
    np.testing.assert_allclose(found, np.repeat(expected.sum(2, keepdims=True), 2, 2), atol=1e-5)
