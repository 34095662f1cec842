"""`Net` -> ONNX, so that other engines can run what XDN reads.

The importing of `onnx` takes longer than that of XDN: import this module only where a model is written.
"""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import onnx
from onnx import helper

from xdn.files import write_atomically
from xdn.frontend.onnx.emit.base import IR_VERSION, OPSET, Emission, Graph
from xdn.frontend.onnx.emit.quantized import read, stored
from xdn.graph import Layer, LayerParams, Net
from xdn.graph.epilogue import projection_weights
from xdn.graph.reading import SCALES
from xdn.version import VERSION


def _emit(graph: Graph, layer: Layer) -> None:
    """Append one layer: what it reads otherwise than as f32, what it computes, what stores its tops otherwise."""
    readings = zip_longest(layer.bottoms, layer.quantized)
    bottoms = [name if how is None else read(graph, name, how) for name, how in readings]
    kept = list(zip(layer.tops, layer.stored or (None,) * len(layer.tops), strict=True))
    tops = [top if how is None else graph.fresh(f"{top}.real") for top, how in kept]
    _compute(graph, layer, bottoms, tops)
    for real, (top, how) in zip(tops, kept, strict=True):
        if how is not None:
            stored(graph, real, how, top)


def _compute(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Append a layer's own nodes, then those of its epilogue, from values to values."""
    epilogue, count = layer.epilogue, len(layer.own_bottoms)
    own_read = layer.quantized[:count]
    if epilogue is None or not epilogue.parts:
        Emission(graph, layer, bottoms[:count], tops, own_read).emit()
        return
    top = tops[0]
    result = graph.fresh(f"{top}.own")
    names = {*layer.params.weight_shapes(graph.net.bottom_blobs(layer)), SCALES}
    weights = {name: array for name, array in layer.weights.items() if name in names}
    own = layer.replace(weights=weights, epilogue=None)
    Emission(graph, own, bottoms[:count], (result, *tops[1:]), own_read).emit()
    for added in bottoms[count:]:
        if epilogue.projection:
            added = _projected(graph, layer, epilogue.projection, added)
        result = graph.node("Add", [result, added], graph.fresh(f"{top}.sum") if epilogue.activation else top)
    if epilogue.activation:
        # The activation as the layer of its own that it once was: bottom `result`, the fused layer's weights.
        alone = layer.replace(params=epilogue.activation, bottoms=layer.tops, epilogue=None)
        Emission(graph, alone, (result,), (top,)).emit()


def _projected(graph: Graph, layer: Layer, params: LayerParams, bottom: str) -> str:
    """Append the projection that is fused to `layer`, as the layer of its own that it once was; return its top."""
    top = graph.fresh(f"{layer.tops[0]}.projected")
    name, weights = f"{layer.name}.projection", projection_weights(layer.weights)
    alone = Layer(name, params, layer.added_bottoms, (top,), weights)
    Emission(graph, alone, (bottom,), alone.tops, layer.quantized[len(layer.own_bottoms) :]).emit()
    return top


def to_onnx(net: Net) -> onnx.ModelProto:
    """Return `net` as an ONNX model (opset 17) that computes what Caffe computes.

    The model's inputs and outputs carry the net's blob names; axis 0 is free (`N`) unless a layer mixes it.
    Caffe's pooling (sizes rounded up, the last window clipped, averages over the padded window) is spelled out
    with explicit padding, so that no engine's own rounding rule plays a part. The input transform is not part
    of the model. How layers that read 8-bit integers or bf16 are written says `emit.quantized`.

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
        Where a layer of such parameters has no ONNX form.
    """
    net.require_weights()
    graph = Graph(net)
    for layer in net.layers:
        if layer not in net.input_layers:
            _emit(graph, layer)
    inputs, outputs = ([graph.value_info(name) for name in names] for names in (net.inputs, net.outputs))
    made = helper.make_graph(graph.nodes, net.name or "net", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=opsets, producer_name="xdn", producer_version=VERSION)
    model.ir_version = IR_VERSION
    return model


def save_onnx(net: Net, path: Path) -> None:
    """Write `to_onnx(net)` to `path`, whole or not at all."""
    write_atomically(path, to_onnx(net).SerializeToString())
