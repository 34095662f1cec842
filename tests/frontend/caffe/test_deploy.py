"""Training nets made deployable: what becomes an input, what goes, what stays."""

import pytest

from xdn.errors import NetError
from xdn.frontend.caffe.deploy import deployable
from xdn.frontend.caffe.text import prototxt

DATA = 'layer { name: "d" type: "Data" top: "data" top: "label" transform_param { crop_size: 8 scale: 0.5 } %s }\n'


def ip(name, bottom, top=None):
    return f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{top or name}" }}\n'


def loss(name, bottom, weight=None, kind="SoftmaxWithLoss"):
    extra = f"loss_weight: {weight}" if weight is not None else ""
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" bottom: "label" top: "{name}" {extra} }}\n'


def deploy(text, **options):
    return list(deployable(prototxt.parse(text), **options).layer)


def names(layers):
    return [layer.name for layer in layers]


def test_data_layer_becomes_an_input_with_its_transform_and_source():
    (layer,) = deploy(DATA % 'data_param { source: "cifar10_test_lmdb" batch_size: 100 } include { phase: TEST }')
    expected = """name: "d" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } }
        transform_param { crop_size: 8 scale: 0.5 } data_param { source: "cifar10_test_lmdb" }"""
    assert layer == prototxt.parse(f"layer {{ {expected} }}").layer[0]


def test_softmax_loss_becomes_softmax_and_accuracy_goes():
    accuracy = 'layer { name: "acc" type: "Accuracy" bottom: "a" bottom: "label" top: "acc" }'
    layers = deploy(DATA % "" + ip("a", "data") + loss("loss", "a") + accuracy)
    assert names(layers) == ["d", "a", "prob"]
    assert (layers[2].type, list(layers[2].bottom), list(layers[2].top)) == ("Softmax", ["a"], ["prob"])


def test_the_softmax_keeps_the_losses_axis():
    text = (
        DATA % ""
        + 'layer { name: "l" type: "SoftmaxWithLoss" bottom: "data" bottom: "label" softmax_param { axis: 2 } }'
    )
    assert deploy(text)[1].softmax_param.axis == 2


def test_a_net_that_has_its_softmax_gets_no_second():
    softmax = 'layer { name: "p" type: "Softmax" bottom: "a" top: "p" }'
    assert names(deploy(DATA % "" + ip("a", "data") + softmax + loss("loss", "a"))) == ["d", "a", "p"]


def test_prob_is_another_layers_name():
    assert names(deploy(DATA % "" + ip("prob", "data") + loss("loss", "prob"))) == ["d", "prob", "loss_prob"]


def test_a_loss_called_prob_gives_its_name():
    assert names(deploy(DATA % "" + ip("a", "data") + loss("prob", "a"))) == ["d", "a", "prob"]


@pytest.mark.parametrize(
    ("data", "order"),
    [
        ("Data", 'top: "data" top: "label"'),
        ("HDF5Data", 'top: "data" top: "label"'),
        ("HDF5Data", 'top: "label" top: "data"'),
    ],
)
def test_labels_that_are_cut_for_several_losses_go_with_what_cuts_them(data, order):
    text = f'layer {{ name: "d" type: "{data}" {order} }}'
    text += 'layer { name: "s" type: "Slice" bottom: "label" top: "l1" top: "rest" }'
    text += 'layer { name: "r" type: "Reshape" bottom: "rest" top: "l2" }'
    text += ip("a", "data") + ip("b", "data")
    text += loss("x", "a").replace('"label"', '"l1"') + loss("y", "b").replace('"label"', '"l2"')
    layers = deploy(text, input_shape=(8,))
    assert names(layers) == ["d", "a", "b", "prob", "y_prob"]
    assert list(layers[0].top) == ["data"]


def test_what_is_learned_from_is_not_a_label():
    """One part of what is cut is read by a layer that computes."""
    text = 'layer { name: "d" type: "HDF5Data" top: "data" }'
    text += 'layer { name: "s" type: "Slice" bottom: "data" top: "x" top: "label" }' + ip("a", "x") + loss("l", "a")
    layers = deploy(text, input_shape=(8,))
    assert names(layers) == ["d", "s", "a", "prob"]


def test_auxiliary_classifiers_go_with_their_branches():
    text = (
        DATA % ""
        + ip("trunk", "data")
        + ip("aux1", "trunk")
        + ip("aux2", "aux1", "aux1")
        + loss("aux_loss", "aux1", 0.3)
        + loss("aux_acc", "aux1", kind="Accuracy")
        + ip("head", "trunk")
        + loss("main", "head", 1)
    )
    assert names(deploy(text)) == ["d", "trunk", "head", "prob"]


def test_two_losses_of_one_weight_both_stay():
    layers = deploy(DATA % "" + ip("a", "data") + loss("l1", "a") + ip("b", "data") + loss("l2", "b"))
    assert names(layers) == ["d", "a", "prob", "b", "l2_prob"]


def test_a_regression_keeps_its_last_layer():
    assert names(deploy(DATA % "" + ip("a", "data") + loss("l", "a", kind="EuclideanLoss"))) == ["d", "a"]


def test_only_an_accuracy_keeps_the_classifier():
    assert names(deploy(DATA % "" + ip("a", "data") + loss("l", "a", kind="Accuracy"))) == ["d", "a"]


def test_what_is_computed_from_labels_goes():
    text = DATA % "" + ip("onehot", "label") + ip("deep", "onehot") + ip("a", "data")
    text += 'layer { name: "l" type: "EuclideanLoss" bottom: "a" bottom: "deep" }'
    assert names(deploy(text)) == ["d", "a"]


def test_silence_and_what_only_feeds_it_go():
    text = (
        DATA % ""
        + ip("a", "data")
        + ip("b", "data")
        + 'layer { name: "s" type: "Silence" bottom: "b" bottom: "label" }'
    )
    assert names(deploy(text)) == ["d", "a"]


def test_a_data_layer_of_labels_only_goes():
    labels = 'layer { name: "l" type: "Data" top: "label" data_param { source: "labels" } }\n'
    data = (DATA % "").replace('top: "label" ', "")
    assert names(deploy(data + labels + ip("a", "data") + loss("loss", "a"))) == ["d", "a", "prob"]


def test_autoencoder_keeps_the_image_that_it_is_compared_with():
    data = (DATA % "").replace('top: "label" ', "")
    text = data + ip("a", "data") + 'layer { name: "l" type: "EuclideanLoss" bottom: "a" bottom: "data" top: "l" }'
    assert names(deploy(text)) == ["d", "a"]


def test_dummy_data_says_its_shapes():
    text = """layer { name: "d" type: "DummyData" top: "x" top: "y" top: "label"
        dummy_data_param { num: 2 num: 3 num: 4 channels: 5 height: 6 width: 7 } }"""
    text += ip("a", "x") + ip("b", "y") + loss("l", "a")
    layers = deploy(text)
    assert list(layers[0].top) == ["x", "y"]
    assert [list(s.dim) for s in layers[0].input_param.shape] == [[2, 5, 6, 7], [3, 5, 6, 7]]


def test_dummy_data_with_new_shapes():
    text = 'layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: 2 dim: 9 } } }' + ip("a", "x")
    assert [list(s.dim) for s in deploy(text)[0].input_param.shape] == [[2, 9]]


def test_given_shape_goes_before_all():
    layers = deploy(DATA % "" + ip("a", "data"), input_shape=(1, 4, 5))
    assert list(layers[0].input_param.shape[0].dim) == [1, 1, 4, 5]


def test_two_inputs_of_unknown_shape():
    text = 'layer { name: "d" type: "HDF5Data" top: "x" top: "y" }' + ip("a", "x") + ip("b", "y")
    with pytest.raises(NetError, match="2 inputs of unknown shapes"):
        deploy(text)


def test_deploy_files_are_left_as_they_are():
    text = 'layer { name: "i" type: "Input" top: "data" transform_param { scale: 2 } }' + ip("a", "data")
    assert deploy(text) == list(prototxt.parse(text).layer)


def test_two_data_layers_of_one_phase():
    with pytest.raises(NetError, match="phases"):
        deploy(DATA % "" + DATA % "")


def test_many_tops_and_shapes_cost_little():
    names = [f'"t{number}"' for number in range(20_000)]
    tops, bottoms = (" ".join(f"{field}: {name}" for name in names) for field in ("top", "bottom"))
    data = f'layer {{ name: "d" type: "DummyData" {tops} dummy_data_param {{ {"num: 2 " * 20_000} channels: 3 }} }}'
    layer = deploy(f'{data} layer {{ name: "c" type: "Concat" {bottoms} top: "c" }}')[0]
    assert len(layer.input_param.shape) == 20_000
    assert list(layer.input_param.shape[-1].dim) == [2, 3]


def test_the_axes_of_dummy_data_are_bounded():
    text = 'layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { %s } } }'
    deploy(text % ("dim: 1 " * 32))
    with pytest.raises(NetError, match=r"layer 'd' \(DummyData\): a blob has 33 axes; at most 32"):
        deploy(text % ("dim: 1 " * 33))


def test_many_heads_cost_little():
    losses = "".join(
        f'layer {{ name: "l{n}" type: "SoftmaxWithLoss" bottom: "x{n}" bottom: "label" top: "t{n}" }}'
        for n in range(8000)
    )
    assert len(deploy(losses)) == 8000


def test_what_only_silence_reads_is_the_output_where_nothing_else_is_left():
    silence = 'layer { name: "quiet" type: "Silence" bottom: "b" }'
    assert names(deploy(DATA % "" + ip("a", "data") + ip("b", "a") + silence)) == ["d", "a", "b"]
    assert names(deploy(DATA % "" + ip("a", "data") + ip("b", "a") + ip("c", "a") + silence)) == ["d", "a", "c"]


def python(name, bottoms, top="", module="m", layer="L", extra=""):
    read = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
    given = f'top: "{top}"' if top else ""
    param = f'python_param {{ module: "{module}" layer: "{layer}" }}'
    return f'layer {{ name: "{name}" type: "Python" {read} {given} {param} {extra} }}\n'


SOURCE = 'layer { name: "d" type: "HDF5Data" top: "data" top: "clean" }\n'


@pytest.mark.parametrize(
    "measure",
    [
        python("l", ["a", "clean"], "l", extra="loss_weight: 1"),
        python("l", ["a", "clean"], "l", module="pyloss"),
        python("l", ["a", "clean"], "l", layer="DiceLoss"),
        python("l", ["a", "clean"], "l"),
        python("l", ["a", "clean"]),
        'layer { name: "s" type: "Slice" bottom: "clean" top: "c1" top: "c2" }' + python("l", ["a", "c1", "c2"], "l"),
        'layer { name: "l" type: "Distance" bottom: "a" bottom: "clean" top: "l" loss_weight: 0.1 }',
    ],
)
def test_losses_that_nobody_knows_are_told_by_weight_name_or_place(measure):
    layers = deploy(SOURCE + ip("a", "data") + measure, input_shape=(3, 4, 4))
    assert names(layers) == ["d", "a"]
    assert list(layers[0].top) == ["data"]


def test_a_stranger_that_reads_what_a_loss_compares_with_is_a_measure():
    loss = 'layer { name: "l" type: "DiceLoss" bottom: "a" bottom: "clean" top: "l" }'
    measure = 'layer { name: "m" type: "PR" bottom: "a" bottom: "clean" top: "precision" top: "recall" }'
    layers = deploy(SOURCE + ip("a", "data") + loss + measure, input_shape=(3, 4, 4))
    assert names(layers) == ["d", "a"]
    other = 'layer { name: "m" type: "Guided" bottom: "a" bottom: "clean" top: "m" }'
    shapes = {"data": (3, 4, 4), "clean": (3, 4, 4)}
    assert names(deploy(SOURCE + ip("a", "data") + other, input_shape=shapes)) == ["d", "a", "m"]


def test_a_loss_of_features_alone_is_told_by_its_weight():
    layers = deploy(DATA % "" + ip("a", "data") + python("l", ["a"], "l", extra="loss_weight: 0.1"))
    assert names(layers) == ["d", "a"]


def test_python_that_gives_nothing_goes():
    assert names(deploy(DATA % "" + ip("a", "data") + python("print", ["a"]))) == ["d", "a"]


def test_python_in_the_midst_of_a_net_is_not_a_loss():
    text = DATA % "" + python("p", ["data"], "p") + ip("a", "p") + python("q", ["a", "p"], "q")
    assert names(deploy(text)) == ["d", "p", "a", "q"]


def test_known_python_at_the_end_is_not_a_loss():
    text = SOURCE + ip("a", "data") + python("p", ["a", "a", "clean"], "rois", layer="ProposalLayer")
    assert names(deploy(text, input_shape={"data": (3, 4, 4), "clean": (3,)})) == ["d", "a", "p"]


def test_a_known_layer_with_a_weight_stays():
    assert names(deploy(DATA % "" + 'layer { name: "s" type: "Softmax" bottom: "data" top: "s" loss_weight: 1 }')) == [
        "d",
        "s",
    ]


def test_losses_of_sequences_go():
    for kind in ("CTCLoss", "CtcLoss", "WarpCTC"):
        loss = f'layer {{ name: "l" type: "{kind}" bottom: "a" bottom: "clean" top: "l" }}'
        assert names(deploy(SOURCE + ip("a", "data") + loss, input_shape=(3, 4, 4))) == ["d", "a"]


@pytest.mark.parametrize(
    "sink",
    [
        'layer { name: "w" type: "MatWrite" bottom: "a" mat_write_param { prefix: "x" } }',
        'layer { name: "t" type: "Ranking" bottom: "a" bottom: "data" top: "rank_loss" }',
        'layer { name: "t" type: "Ranking" bottom: "a" top: "accuracy" top: "loss_2" }',
    ],
)
def test_a_stranger_at_the_end_goes_that_gives_nothing_or_a_loss(sink):
    assert names(deploy(DATA % "" + ip("a", "data") + sink)) == ["d", "a"]


def test_strange_sources_are_data_layers_by_their_name():
    source = 'layer { name: "d" type: "%s" top: "data" }'
    for kind in ("LmdbReader", "VideoList", "ImageSource", "PoseInput"):
        assert deploy(source % kind + ip("a", "data"), input_shape=(3, 4, 4))[0].type == "Input"
    assert deploy(source % "Constant" + ip("a", "data"))[0].type == "Constant"


def test_images_of_deeplab_come_with_their_sizes():
    source = """layer { name: "d" type: "ImageSegData" top: "data" top: "label" top: "data_dim"
        transform_param { crop_size: 8 } image_data_param { label_type: NONE } }"""
    crf = 'layer { name: "y" type: "DenseCRF" bottom: "a" bottom: "data_dim" bottom: "data" top: "y" }'
    silence = 'layer { name: "s" type: "Silence" bottom: "label" }'
    layers = deploy(source + ip("a", "data") + crf + silence)
    assert list(layers[0].top) == ["data", "data_dim"]
    assert [list(shape.dim) for shape in layers[0].input_param.shape] == [[1, 3, 8, 8], [1, 1, 1, 2]]
