"""Python layers of known meaning, by their class and `param_str`; no code is run."""

import pytest

from xdn.errors import UnsupportedError
from xdn.frontend.caffe.build import layer_params
from xdn.frontend.caffe.dialects.python_layers import is_known_python, known_python, refuse_python
from xdn.frontend.caffe.text import prototxt
from xdn.layers import LAYERS


def plain(text):
    net = prototxt.parse(f'layer {{ name: "x" {text} }}')
    known_python(net.layer[0])
    return net.layer[0]


@pytest.mark.parametrize(
    ("words", "stride", "scales", "ratios"),
    [
        ("'feat_stride': 16", 16, [], []),
        ("{'feat_stride': 8, 'scales': [4, 8.5], 'ratios': (0.5, 1)}", 8, [4, 8.5], [0.5, 1]),
        (r"'feat_stride': 16 \n'scales': !!python/tuple [2, 4, 8]", 16, [2, 4, 8], []),
        (r"feat_stride: 16\nscales: !!python/tuple\n- 4\n- 8\nratios: [2.0]", 16, [4, 8], [2]),
        ("", 0, [], []),
    ],
)
def test_the_proposal_layer_of_faster_rcnn(words, stride, scales, ratios):
    layer = plain(
        f'type: "Python" python_param {{ module: "rpn.proposal_layer" layer: "ProposalLayer" param_str: "{words}" }}'
    )
    assert (layer.type, layer.HasField("python_param")) == ("Proposal", False)
    assert layer.proposal_param.feat_stride == (stride if "feat_stride" in words else 0)
    assert (list(layer.proposal_param.scale), list(layer.proposal_param.ratio)) == (scales, ratios)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("__import__('os').system('true')", "param_str, line 1: expected ':'"),
        ("'scales': !!python/object/apply:os.system ['true']", "the tag '!!python/object/apply:os.system' is not read"),
        (r"'feat_stride': 16\n'scales': [1e, 2]", r"'scales' is \('1e', 2\)"),
        ("'scales': 8", "'scales' is 8"),
        ("'scales': []", r"'scales' is \(\)"),
        ("'scales': [-8]", r"'scales' is \(-8,\)"),
        ("'scales': [[8]]", r"'scales' is \(\(8,\),\)"),
        ("'feat_stride': 7.5", "'feat_stride' is 7.5"),
        ("'feat_stride': 0", "'feat_stride' is 0"),
        ("'feat_stride': 1.0e+999", "'feat_stride' is inf"),
        ("'feat_stride': '16'", "'feat_stride' is '16'"),
        (r"'feat_stride': 16\n'base_size': 8", "'base_size' is 8, of which nothing is known. Known: 'feat_stride'"),
    ],
)
def test_what_a_proposal_layer_states_is_never_passed_over(words, found):
    with pytest.raises(UnsupportedError, match=rf"layer 'x' \(Python\).*{found}"):
        plain(f'type: "Python" python_param {{ layer: "ProposalLayer" param_str: "{words}" }}')


def test_other_python_is_not_run():
    net = prototxt.parse('layer { name: "x" type: "Python" python_param { module: "m" layer: "L" } }')
    known_python(net.layer[0])
    assert net.layer[0].type == "Python"
    with pytest.raises(UnsupportedError, match=r"layer 'x' \(Python\): a Python layer \(m.L\).*ProposalLayer"):
        refuse_python(net)


def test_known_python_is_not_refused():
    net = prototxt.parse('layer { name: "x" type: "Python" python_param { layer: "ProposalLayer" } }')
    known_python(net.layer[0])
    refuse_python(net)


@pytest.mark.parametrize(
    "words", ["{'phase': 'TEST','p': 0.1}", "{'phase': 'TEST','p': '0.1'}", "{'phase': 'TRAIN', 'p': 0.1}", "p: 0.1"]
)
def test_spatial_dropout_is_dropout(words):
    python = f'python_param {{ module: "spatial_dropout" layer: "SpatialDropoutLayer" param_str: "{words}" }}'
    layer = plain(f'type: "Python" bottom: "a" top: "a" {python}')
    assert (layer.type, list(layer.bottom), list(layer.top)) == ("Dropout", ["a"], ["a"])
    assert layer.dropout_param.dropout_ratio == pytest.approx(0.1)


@pytest.mark.parametrize("words", ["p: 1.5", "p: 0", "p: 0.1\\nseed: 3", "phase: PLAY"])
def test_what_spatial_dropout_states_is_never_passed_over(words):
    with pytest.raises(UnsupportedError, match=r"layer 'x' \(Python\): param_str: .*Known: 'phase'"):
        plain(f'type: "Python" python_param {{ layer: "SpatialDropoutLayer" param_str: "{words}" }}')


def test_a_layer_of_a_known_class_that_is_not_python_is_left_alone():
    layer = prototxt.parse('layer { name: "x" type: "Foo" python_param { layer: "ProposalLayer" } }').layer[0]
    assert not is_known_python(layer)


def test_ctpns_proposals_are_told_by_their_module():
    names = 'module: "layers.text_proposal_layer" layer: "ProposalLayer"'
    param = f"""{names} param_str: "'feat_stride': %s" """
    made = plain(f'type: "Python" python_param {{ {param % 8} }}')
    assert layer_params(made) == LAYERS["TextProposal"](feat_stride=8)
    for wrong in (0, 1.5, "[1]"):
        with pytest.raises(UnsupportedError, match="feat_stride"):
            plain(f'type: "Python" python_param {{ {param % wrong} }}')


def test_detectnets_clustering():
    words = 'module: "caffe.layers.detectnet.clustering" layer: "ClusterDetections"'
    layer = plain(f'type: "Python" python_param {{ {words} param_str: "1248, 352, 16,0.05,1, 0.025,22,2" }}')
    assert layer_params(layer) == LAYERS["ClusterDetections"](
        image_size_x=1248,
        image_size_y=352,
        stride=16,
        gridbox_cvg_threshold=0.05,
        gridbox_rect_thresh=1,
        gridbox_rect_eps=0.025,
        min_height=22,
        num_classes=2,
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [("1,2,3", "3 numbers. Known: numbers with commas: image_size_x"), ("1,2,3,x,5,6,7", "threshold' is 'x'")],
)
def test_what_clustering_states_is_never_passed_over(words, found):
    with pytest.raises(UnsupportedError, match=found):
        plain(f'type: "Python" python_param {{ layer: "ClusterDetections" param_str: "{words}" }}')


@pytest.mark.parametrize(("module", "residual"), [("CombineRegressions", True), ("a.CombineRegressionsHuman", False)])
def test_regressions_are_told_by_their_module(module, residual):
    layer = plain(f'type: "Python" python_param {{ module: "{module}" layer: "CombineRegressionsLayer" }}')
    assert layer_params(layer) == LAYERS["CombineRegressions"](residual=residual)
    with pytest.raises(UnsupportedError, match="the module 'other'"):
        plain('type: "Python" python_param { module: "other" layer: "CombineRegressionsLayer" }')
    words = f'module: "{module}" layer: "CombineRegressionsLayer" param_str: "j: 1"'
    with pytest.raises(UnsupportedError, match=r"'j' is 1, of which nothing is known. Known: no param_str, in Combine"):
        plain(f'type: "Python" python_param {{ {words} }}')
