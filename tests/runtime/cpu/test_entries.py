"""Which inputs become integers as they are read, and what reads them."""

from tests.kernels.checks import input_layer, make_params
from xdn.codegen.target import host_target
from xdn.graph import Layer, Net
from xdn.kernels.core.layout import BlockLayout
from xdn.runtime.cpu.entries import entry_steps, quantized_inputs


def _quantize(name, bottom, scale=0.1):
    return Layer(name, make_params("Quantize", scale=scale), (bottom,), (name,))


def _net(*layers):
    inputs = input_layer("a", 3, 4, 5), input_layer("b", 3, 4, 5)
    return Net("two inputs", (*inputs, *layers), tuple(layer.tops[0] for layer in layers))


def _found(net, outputs=None):
    return {name: layer.name for name, layer in quantized_inputs(net, outputs or net.outputs).items()}


def test_the_only_reader_is_a_quantize():
    assert _found(_net(_quantize("q", "a"))) == {"a": "q"}
    assert _found(_net(_quantize("q", "a"), _quantize("p", "b"))) == {"a": "q", "b": "p"}


def test_inputs_that_others_read_stay_values():
    relu = Layer("relu", make_params("ReLU"), ("a",), ("r",))
    assert _found(_net(_quantize("q", "a"), relu)) == {}
    assert _found(_net(_quantize("q", "a"), _quantize("p", "a", 0.2))) == {}
    assert _found(_net(_quantize("q", "a")), ("q", "a")) == {}
    assert _found(_net(relu)) == {}


def test_layers_that_no_output_needs_do_not_count():
    relu = Layer("relu", make_params("ReLU"), ("a",), ("r",))
    assert _found(_net(_quantize("q", "a"), relu), ("q",)) == {"a": "q"}


def test_integers_of_other_blobs_are_no_input():
    relu = Layer("relu", make_params("ReLU"), ("a",), ("r",))
    assert _found(_net(relu, _quantize("q", "r"))) == {}


def test_each_input_has_one_step_in_order():
    net = _net(_quantize("q", "b"), Layer("relu", make_params("ReLU"), ("a",), ("r",)))
    layouts = {name: BlockLayout.of(blob, host_target()) for name, blob in net.blobs.items()}
    steps = entry_steps(list(net.inputs), quantized_inputs(net, net.outputs), layouts)
    assert [(step.source.name.op, *step.blobs.values()) for step in steps] == [
        ("load_planes", "a"),
        ("quantize_planes", "q"),
    ]
