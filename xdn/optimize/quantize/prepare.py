"""Make a net ready for calibration: no integers, and no activation fused that layers of integers cannot take."""

from collections.abc import Iterator
from dataclasses import replace

from xdn.graph import Epilogue, Layer, Net, Quantized
from xdn.graph.codebook import without_codebooks
from xdn.graph.epilogue import prefixed
from xdn.graph.naming import free_name
from xdn.graph.reading import SCALES
from xdn.optimize.quantize.bits import in_real_weights
from xdn.optimize.quantize.choice import why_f32
from xdn.optimize.quantize.config import CalibrationConfig

#: What files hold beside the weights of layers that read integers.
_SCALES = {SCALES, *prefixed({SCALES: None})}


def prepared(net: Net, config: CalibrationConfig) -> Net:
    """Return a fused net that computes in f32 what `net` does, or did before it was calibrated; bf16 stays bf16.

    Where an activation is all that keeps a layer from reading integers, since its bits are not the same on all
    processors, it becomes a layer of its own again; a session fuses it anew where the layer stays in f32.
    """
    net = without_codebooks(in_f32(net))
    taken = set(net.blobs) | {layer.name for layer in net.layers}
    parted = (part for layer in net.layers for part in _parts(net, layer, config, taken))
    return net.replace(layers=tuple(parted))


def in_f32(net: Net) -> Net:
    """Return a net that reads f32 everywhere, with the weights that it has."""
    return net.replace(layers=tuple(_in_f32(layer) for layer in in_real_weights(net).layers))


def _in_f32(layer: Layer) -> Layer:
    """Return a layer that computes in f32, with the weights that it has."""
    weights = {name: array for name, array in layer.weights.items() if name not in _SCALES}
    return layer.replace(quantized=(), stored=(), weights=weights) if layer.integers else layer


def _parts(net: Net, layer: Layer, config: CalibrationConfig, taken: set[str]) -> Iterator[Layer]:
    """Yield a layer and the activation after it, or the layer as it is."""
    epilogue = layer.epilogue or Epilogue()
    activation = epilogue.activation
    any_integers = [Quantized(1.0, signed=True)] * len(layer.bottoms)
    left = replace(epilogue, activation=None)
    bare = layer.replace(epilogue=left if left.reads else None)
    kept = layer.reads_bf16 or config.keeps(layer.name)
    apart = activation is not None and not activation.same_bits and not kept
    if not apart or activation is None or why_f32(net, bare, any_integers) is not None:
        yield layer
        return
    own = activation.weight_shapes(net.top_blobs(layer))
    before = free_name(f"{layer.tops[0]}/{layer.name}", taken)
    yield bare.replace(
        tops=(before,), weights={name: array for name, array in layer.weights.items() if name not in own}
    )
    name = free_name(f"{layer.name}/{activation.type.lower()}", taken)
    yield Layer(name, activation, (before,), layer.tops, {each: layer.weights[each] for each in own})
