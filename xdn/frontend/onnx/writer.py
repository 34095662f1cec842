"""`Net` -> ONNX, so that other engines can run what XDN reads.

The importing of `onnx` takes longer than that of XDN: import this module only where a model is written.
"""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, cast

import onnx
from onnx import helper

from xdn import settings
from xdn.errors import UnknownNameError, UnsupportedError
from xdn.files import atomic_file, write_atomically
from xdn.frontend.formats import unsaid
from xdn.frontend.onnx.emit.base import IR_VERSION, OPSET, Constant, Emission, Graph
from xdn.frontend.onnx.emit.quantized import read, stored
from xdn.frontend.onnx.images import images_said
from xdn.graph import Layer, LayerParams, Net, WeightsOnly
from xdn.graph.epilogue import projection_weights
from xdn.graph.reading import SCALES
from xdn.version import VERSION

#: A constant's name and shape take no more bytes in a file as a rule.
_HEAD_BYTES = 256


def _refusal(graph: Graph, layer: Layer) -> str | None:
    """Append one layer; return which one it is and why it has no ONNX form, None of one that has."""
    try:
        _emit(graph, layer)
    except UnknownNameError:
        return f"{layer.place}: no layer of this type has"
    except UnsupportedError as error:
        return f"{error.where or layer.place}: {error.what}"
    return None


def _emit(graph: Graph, layer: Layer) -> None:
    """Append one layer: what it reads otherwise than as f32, what it computes, what stores its tops otherwise."""
    readings = zip_longest(layer.bottoms, layer.quantized)
    as_f32 = (type(None), WeightsOnly)
    bottoms = [name if isinstance(how, as_f32) else read(graph, name, how) for name, how in readings]
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
    of what the model computes: it stands in its metadata (`images`). How layers that read 8-bit integers or bf16 are
    written says `emit.quantized`.

    Parameters
    ----------
    net : Net
        With weights; a fused net (epilogues) too.

    Raises
    ------
    WeightsError
        Where a layer has no weights.
    UnsupportedError
        For layers that have no ONNX form, by their type or by their parameters; it names all of them.
    """
    return _whole(*_without_constants(net))


def _whole(model: onnx.ModelProto, constants: Sequence[Constant]) -> onnx.ModelProto:
    """Return a model with its constants and their values put into it."""
    for constant in constants:
        _described(model, constant).raw_data = bytes(constant.content())
    return model


def _described(model: onnx.ModelProto, constant: Constant) -> onnx.TensorProto:
    """Append a constant to a model but for its values, and return it."""
    tensor = model.graph.initializer.add(name=constant.name, data_type=constant.element, dims=constant.bits.shape)
    return cast(onnx.TensorProto, tensor)


def _without_constants(net: Net) -> tuple[onnx.ModelProto, list[Constant]]:
    """Return the model of `net` without its constants, and these."""
    net.require_weights()
    graph = Graph(net)
    refused = [_refusal(graph, layer) for layer in net.layers if layer not in net.input_layers]
    if found := [each for each in refused if each is not None]:
        raise unsaid(found, "ONNX")
    inputs, outputs = ([graph.value_info(name) for name in names] for names in (net.inputs, net.outputs))
    made = helper.make_graph(graph.nodes, net.name or "net", inputs, outputs)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=opsets, producer_name="xdn", producer_version=VERSION)
    model.ir_version = IR_VERSION
    helper.set_model_props(model, images_said(net))
    return model, graph.constants


def save_onnx(net: Net, path: Path, most_bytes: int = settings.MOST_MODEL_BYTES) -> tuple[Path, ...]:
    """Write `to_onnx(net)` to `path`, whole or not at all; return the files that were written, the model first.

    Where it would be larger than `most_bytes`, the values of its constants lie in a second file, called as the model
    with ``.data`` after its name.
    """
    model, constants = _without_constants(net)
    if model.ByteSize() + sum(each.bits.nbytes + _HEAD_BYTES for each in constants) <= most_bytes:
        write_atomically(path, _whole(model, constants).SerializeToString())
        return (path,)
    beside = path.with_name(f"{path.name}.data")
    # The inner one is moved to its place first: a model without its values is never seen.
    with atomic_file(path) as file, atomic_file(beside) as data:
        for constant in constants:
            _put_beside(_described(model, constant), constant.content(), data, beside.name)
        file.write(model.SerializeToString())
    return path, beside


def _put_beside(tensor: onnx.TensorProto, content: memoryview, data: BinaryIO, name: str) -> None:
    """Write the values of a tensor to the file of this name, from a page's beginning on; short ones into the tensor."""
    if len(content) < settings.PAGE_BYTES:
        tensor.raw_data = bytes(content)
        return
    first = -(-data.tell() // settings.PAGE_BYTES) * settings.PAGE_BYTES
    data.seek(first)
    data.write(content)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", name), ("offset", first), ("length", len(content))):
        tensor.external_data.add(key=key, value=str(value))
