"""Weights that a net has no use for: what is left over, when it is told, and when it is refused."""

import pytest

from tests.frontend.caffe.weights.test_assign import INPUT, ip, net_of, stored
from xdn.errors import WeightsError
from xdn.frontend import load, save
from xdn.frontend.caffe.weights.leftover import lacking, left_over

WEIGHTS = stored((2, 2), (2,))
LOSS = 'layer {{ name: "{0}_loss" type: "SoftmaxWithLoss" bottom: "{0}" bottom: "label" loss_weight: {1} top: "l{0}" }}'
DATA = """
layer { name: "d" type: "MemoryData" top: "data" top: "label"
        memory_data_param { batch_size: 1 channels: 2 height: 1 width: 1 } }
"""


@pytest.fixture
def files(tmp_path):
    """Return a function: layers of a file, those of a net -> the net's prototxt, the file's caffemodel."""

    def written(saved, asked, head=INPUT):
        whole, net = tmp_path / "whole.prototxt", tmp_path / "net.prototxt"
        whole.write_text(INPUT + "".join(saved))
        net.write_text(head + "".join(asked))
        save(load(whole, random_weights=True), tmp_path / "again.prototxt", tmp_path / "w.caffemodel")
        return net, tmp_path / "w.caffemodel"

    return written


def chain(*names):
    return [ip(name, bottom) for name, bottom in zip(names, ("data", *names), strict=False)]


def test_some_layers_left_over_are_a_warning_that_names_them(files, caplog):
    net, weights = files(chain("a", "b", "c", "d"), [ip("a", "data"), ip("d", "a")])
    load(net, weights).require_weights()
    (message,) = caplog.messages
    assert message.startswith(f"the net takes no weights of 2 of the 4 layers in {weights}: b, c; unless only training")


def test_a_file_that_fits_is_not_worth_a_word(files, caplog):
    load(*files(chain("a", "b"), chain("a", "b")))
    assert not caplog.messages


def test_most_layers_left_over_are_an_error_unless_weights_may_fit_in_part(files, caplog):
    net, weights = files(chain("a", "b", "c"), chain("a"))
    with pytest.raises(WeightsError, match=r"takes no weights of 2 of the 3 layers in .*: b, c\..*--partial-weights"):
        load(net, weights)
    load(net, weights, partial_weights=True).require_weights()
    assert len(caplog.messages) == 1


def test_layers_that_deployment_leaves_out_are_not_left_over(files, caplog):
    """An auxiliary classifier of the same training net, and a layer of its other phase."""
    other = ip("c", "data").replace('type: "Inner', 'include { phase: TRAIN } type: "Inner')
    saved = [ip("a", "data"), ip("aux", "data"), ip("aux2", "aux"), ip("c", "data")]
    asked = [ip("a", "data"), ip("aux", "data"), ip("aux2", "aux"), other]
    net, weights = files(saved, [*asked, LOSS.format("a", 1), LOSS.format("aux2", 0.3)], DATA)
    assert [layer.name for layer in load(net, weights).layers if layer.weights] == ["a"]
    assert not caplog.messages


def test_an_auxiliary_classifier_of_a_deployed_net_is_a_warning(files, caplog):
    net, weights = files([*chain("a", "b"), ip("aux", "a")], chain("a", "b"))
    load(net, weights)
    assert caplog.messages[0].startswith("the net takes no weights of 1 of the 3 layers")
    assert ": aux; unless only training needs them" in caplog.messages[0]


def test_weights_of_a_layer_that_takes_none_are_left_over():
    relu = 'layer { name: "b" type: "ReLU" bottom: "a" top: "b" }'
    assert left_over(net_of(ip("a", "data"), relu), {"a": WEIGHTS, "b": WEIGHTS}) == ["b"]
    assert left_over(net_of(ip("a", "data")), {"a": WEIGHTS, "b": ()}, named=["b"]) == []


def test_layers_that_a_file_lacks_are_those_without_weights_of_their_own():
    relu = 'layer { name: "r" type: "ReLU" bottom: "a" top: "r" }'
    assert lacking(net_of(ip("a", "data"), relu, ip("b", "r")), {"a": WEIGHTS}) == ["b"]
    shared = [ip(name, "data").replace("bottom", 'param { name: "w" } param { name: "c" } bottom', 1) for name in "ab"]
    assert lacking(net_of(*shared), {"a": WEIGHTS}) == []
    assert lacking(net_of(*shared), {}) == ["a"]
