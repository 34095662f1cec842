"""The order of computation: what is left out, absorbed, overwritten and forgotten."""

from tests.graph.nets import residual_net
from xdn.graph import Layer, Net
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.convolution import Convolution
from xdn.layers.input import Input
from xdn.layers.relu import ReLU
from xdn.layers.scale import Scale
from xdn.layers.slice import Slice
from xdn.layers.split import Split
from xdn.train.steps import needed_layers, steps_for


def _chain(*params):
    layers = [Layer("data", Input(shape=((2, 3, 6, 6),)), tops=("x0",))]
    layers += [Layer(f"l{i}", each, (f"x{i}",), (f"x{i + 1}",)) for i, each in enumerate(params)]
    return Net("chain", tuple(layers))


def _names(steps):
    return [tuple(layer.name for layer in step.layers) for step in steps]


def test_only_what_is_wanted_is_computed():
    net = residual_net()
    assert [layer.name for layer in needed_layers(net, ["relu"])] == ["conv", "relu"]
    assert [layer.name for layer in needed_layers(net, ["fc"])] == ["conv", "relu", "sum", "fc"]
    assert needed_layers(net, ["data"]) == []


def test_blobs_are_forgotten_after_their_last_reading():
    steps = steps_for(residual_net(), ["fc"])
    assert [step.last for step in steps] == [("data",), (), ("conv", "relu"), ("sum",)]


def test_wanted_blobs_are_kept():
    assert [step.last for step in steps_for(residual_net(), ["fc", "relu", "data"])] == [(), (), ("conv",), ("sum",)]


def test_a_top_that_nobody_reads_is_forgotten_at_once():
    split = Layer("split", Split(), ("data",), ("a", "b"))
    net = Net("split", (Layer("data", Input(shape=((2, 3),)), tops=("data",)), split), outputs=("a",))
    assert [step.last for step in steps_for(net, ["a"])] == [("data", "b")]


def test_a_scale_is_absorbed():
    net = _chain(Convolution(num_output=3, kernel_size=(3,)), BatchNorm(), Scale(), ReLU())
    steps = steps_for(net, net.outputs)
    assert _names(steps) == [("l0",), ("l1", "l2"), ("l3",)]
    assert steps[1].tops == ("x3",)


def test_a_scale_is_not_absorbed_where_the_blob_between_is_wanted():
    assert _names(steps_for(_chain(BatchNorm(), Scale()), ["x1", "x2"])) == [("l0",), ("l1",)]


def test_a_scale_is_not_absorbed_by_a_batch_norm_with_factors_of_its_own():
    net = _chain(BatchNorm(scale_bias=True), Scale())
    assert _names(steps_for(net, net.outputs)) == [("l0",), ("l1",)]


def test_a_scale_of_positions_is_not_absorbed():
    net = _chain(BatchNorm(), Scale(axis=2))
    assert _names(steps_for(net, net.outputs)) == [("l0",), ("l1",)]


def test_a_relu_overwrites_the_result_of_a_convolution():
    net = _chain(Convolution(num_output=3, kernel_size=(3,)), ReLU())
    assert [step.overwrites for step in steps_for(net, net.outputs)] == [False, True]


def test_a_relu_overwrites_no_input_no_wanted_blob_and_no_other_readers():
    assert not steps_for(_chain(ReLU()), ["x1"])[0].overwrites
    net = _chain(Convolution(num_output=3, kernel_size=(3,)), ReLU())
    assert not steps_for(net, ["x1", "x2"])[1].overwrites
    assert not steps_for(residual_net(), ["fc"])[1].overwrites


def test_a_relu_overwrites_no_part_of_a_blob():
    conv = _chain(Convolution(num_output=4, kernel_size=(3,)))
    parts = (Layer("parts", Slice(), ("x1",), ("a", "b")), Layer("relu", ReLU(), ("a",), ("r",)))
    net = conv.replace(layers=(*conv.layers, *parts), outputs=("r", "b"))
    steps = steps_for(net, net.outputs)
    assert not steps[2].overwrites
    assert [step.last for step in steps] == [("x0",), ("x1",), ("a",)]


def test_a_relu_overwrites_no_blob_that_bears_two_names():
    net = _chain(Convolution(num_output=3, kernel_size=(3,)), Split(), ReLU())
    assert not steps_for(net, net.outputs)[2].overwrites
