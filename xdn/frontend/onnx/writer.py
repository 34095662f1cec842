"""`Net` -> ONNX, so that other engines can run what XDN reads.

The importing of `onnx` takes longer than that of XDN: import this module only where a model is written.
"""

from pathlib import Path

import onnx
from onnx import helper

from xdn import __version__
from xdn.files import write_atomically
from xdn.frontend.onnx.emit.base import IR_VERSION, OPSET, Emission, Graph
from xdn.graph import Layer, LayerParams, Net
from xdn.graph.epilogue import projection_weights
from xdn.graph.reading import require_f32


def _emit(graph: Graph, layer: Layer) -> None:
    """Append one layer: its own nodes, then those of its epilogue."""
    epilogue, top = layer.epilogue, layer.tops[0]
    if epilogue is None or not epilogue.parts:
        Emission(graph, layer, layer.own_bottoms, layer.tops).emit()
        return
    result = graph.fresh(f"{top}.own")
    own_weights = layer.params.weight_shapes(graph.net.bottom_blobs(layer))
    own = layer.replace(weights={name: layer.weights[name] for name in own_weights}, epilogue=None)
    Emission(graph, own, layer.own_bottoms, (result, *layer.tops[1:])).emit()
    if epilogue.reads:
        added = _projected(graph, layer, epilogue.projection) if epilogue.projection else layer.bottoms[-1]
        summed = graph.fresh(f"{top}.sum") if epilogue.activation else top
        result = graph.node("Add", [result, added], summed)
    if epilogue.activation:
        # The activation as the layer of its own that it once was: bottom `result`, the fused layer's weights.
        alone = layer.replace(params=epilogue.activation, bottoms=(top,), tops=(top,), epilogue=None)
        Emission(graph, alone, (result,), alone.tops).emit()


def _projected(graph: Graph, layer: Layer, params: LayerParams) -> str:
    """Append the projection that is fused to `layer`, as the layer of its own that it once was; return its top."""
    top = graph.fresh(f"{layer.tops[0]}.projected")
    name, weights = f"{layer.name}.projection", projection_weights(layer.weights)
    alone = Layer(name, params, layer.added_bottoms, (top,), weights)
    Emission(graph, alone, alone.bottoms, alone.tops).emit()
    return top


def to_onnx(net: Net) -> onnx.ModelProto:
    """Return `net` as an ONNX model (opset 17) that computes what Caffe computes.

    The model's inputs and outputs carry the net's blob names; axis 0 is free (`N`) unless a layer mixes it.
    Caffe's pooling (sizes rounded up, the last window clipped, averages over the padded window) is spelled out
    with explicit padding, so that no engine's own rounding rule plays a part. The input transform is not part
    of the model.

    Parameters
    ----------
    net : Net
        With weights; a fused net (epilogues) too.

    Raises
    ------
    WeightsError
        Where a layer has no weights.
    UnknownNameError
        Where a layer type has no ONNX form.
    UnsupportedError
        Where a layer reads 8-bit integers.
    """
    net.require_weights()
    require_f32(net.layers, "an ONNX file does not hold")
    graph = Graph(net)
    for layer in net.layers:
        if layer not in net.input_layers:
            _emit(graph, layer)
    inputs, outputs = ([graph.value_info(name) for name in names] for names in (net.inputs, net.outputs))
    made = helper.make_graph(graph.nodes, net.name or "net", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=opsets, producer_name="xdn", producer_version=__version__)
    model.ir_version = IR_VERSION
    return model


def save_onnx(net: Net, path: Path) -> None:
    """Write `to_onnx(net)` to `path`, whole or not at all."""
    write_atomically(path, to_onnx(net).SerializeToString())
