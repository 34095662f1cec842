"""V0 nets against the vectors of Caffe's own unit tests, and what V0 cannot say."""

import json

import pytest

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.dialects.upgrade import upgrade
from xdn.frontend.caffe.dialects.upgrade_v0 import is_v0, upgrade_v0
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt


@pytest.fixture(scope="module")
def vectors(material):
    return json.loads(material("layers", "proto_vectors.json").read_text())["Upgrade"]


def v0(*layers):
    return prototxt.parse("".join(f"layers {{ layer {{ {inner} }} {rest} }}\n" for inner, rest in layers))


def test_v0_nets_of_caffes_tests_become_the_expected_v1(vectors):
    cases = [case["strings"] for case in vectors.values() if "v0_proto" in case["strings"]]
    assert len(cases) == 2
    for case in cases:
        old = prototxt.parse(case["v0_proto"])
        assert is_v0(old)
        assert upgrade_v0(old) == prototxt.parse(case["expected_v1_proto"])
        assert upgrade(old) == upgrade(prototxt.parse(case["expected_v1_proto"]))


def test_padding_of_caffes_tests_moves_into_its_readers(vectors):
    """Caffe's tests give V0 with the padding moved; its V1 is ours."""
    cases = [case["strings"] for name, case in vectors.items() if name.startswith("PaddingLayer")]
    assert len(cases) == 3
    for case in cases:
        moved = prototxt.parse(case["expected_output_proto"])
        assert upgrade_v0(prototxt.parse(case["input_proto"])) == upgrade_v0(moved)


def test_all_parameters_of_caffes_tests(vectors):
    case = vectors["NetUpgradeTest.TestAllParams"]["strings"]
    assert upgrade_v0(prototxt.parse(case["input_proto"])) == prototxt.parse(case["expected_output_proto"])


def test_a_v0_net_is_built():
    net = net_from_message(
        v0(
            ("name: 'data' type: 'data' cropsize: 9 scale: 0.5 meanfile: 'm' batchsize: 4", "top: 'data' top: 'label'"),
            ("name: 'pad' type: 'padding' pad: 2", "bottom: 'data' top: 'pad'"),
            ("name: 'c' type: 'conv' num_output: 3 kernelsize: 5 biasterm: false", "bottom: 'pad' top: 'c'"),
            ("name: 'loss' type: 'softmax_loss'", "bottom: 'c' bottom: 'label'"),
        )
    )
    assert [layer.type for layer in net.layers] == ["Input", "Convolution", "Softmax"]
    assert net.blobs["c"].shape == (1, 3, 9, 9)
    assert not net.layer("c").params.bias_term
    assert net.layer("data").params.transform.scale == 0.5


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ([("name: 'x' type: 'convv'", "")], UnsupportedError, "layer 'x'.*no layer type 'convv'.*conv"),
        ([("name: 'x' type: 'relu' num_output: 3", "")], UnsupportedError, "'num_output' has no meaning.*'relu'"),
        (
            [("name: 'p' type: 'padding' pad: 1", "bottom: 'd' top: 'p'"), ("name: 'r' type: 'relu'", "bottom: 'p'")],
            UnsupportedError,
            r"layer 'r' \(relu\): it reads the padding layer 'p'",
        ),
        ([("name: 'p' type: 'padding'", "top: 'p'")], NetError, "one bottom and one top"),
    ],
)
def test_what_v0_cannot_say(layers, error, message):
    with pytest.raises(error, match=message):
        upgrade_v0(v0(*layers))


def test_v0_and_v1_do_not_mix():
    net = prototxt.parse("layers { layer { name: 'a' type: 'relu' } } layers { name: 'b' type: RELU }")
    with pytest.raises(NetError, match=r"layer 'b'.*mixes V0 and V1"):
        upgrade(net)


def test_a_number_that_v1_cannot_hold():
    with pytest.raises(NetError, match=r"layer 'i' \(images\): the field 'new_height' is -1"):
        upgrade_v0(v0(("name: 'i' type: 'images' new_height: -1", "top: 'i'")))
