"""Integers of fewer than 8 bits, said by layers of 8-bit ones and of f32: what is stored, and what kernels take."""

from collections import defaultdict

from xdn.element import real
from xdn.graph import Layer, Net, Quantized
from xdn.graph.naming import free_name
from xdn.graph.quantized import BITS
from xdn.graph.reading import without_scales
from xdn.layers.clip import Clip
from xdn.layers.integer import with_integer_weights


def in_real_weights(net: Net) -> Net:
    """Return a net that computes with f32 weights where `net` rounds weights only; they have the same values."""
    if not any(layer.rounds_weights_only for layer in net.layers):
        return net
    layers = (
        layer.replace(weights=without_scales(with_integer_weights(layer).weights), quantized=())
        if layer.rounds_weights_only
        else layer
        for layer in net.layers
    )
    return net.replace(layers=tuple(layers))


def in_full_bits(net: Net) -> Net:
    """Return a net whose layers read 8-bit integers or f32, where `net` has such of fewer bits; no result changes.

    Rounding and clipping commute: what reads a blob x in fewer bits reads, in 8 bits of the same scale, what a layer
    Clip leaves of x, which itself reads integers. Weights are rounded now, to integers that 8 bits hold, or to the f32
    values of integers where layers read f32.
    """
    net = in_real_weights(net)
    if not any(how.bits < BITS or how.weight_bits < BITS for layer in net.layers for how in layer.integers):
        return net
    taken = set(net.blobs) | {layer.name for layer in net.layers}
    clips: dict[tuple[str, Quantized], Layer] = {}
    after: dict[str, list[Layer]] = defaultdict(list)
    layers = []
    for layer in net.layers:
        bottoms = list(layer.bottoms)
        for place, how in enumerate(layer.integers):
            alike = bottoms[place], how.alone
            if how.bits < BITS and alike not in clips:
                clips[alike] = _clip(*alike, taken)
                after[bottoms[place]].append(clips[alike])
            if how.bits < BITS:
                bottoms[place] = clips[alike].tops[0]
        read = tuple(how.in_full if isinstance(how, Quantized) else how for how in layer.quantized)
        layers.append(with_integer_weights(layer).replace(bottoms=tuple(bottoms), quantized=read))
    return net.replace(
        layers=tuple(each for layer in layers for each in (layer, *(c for top in layer.tops for c in after[top])))
    )


def _clip(blob: str, how: Quantized, taken: set[str]) -> Layer:
    """Return the layer that clips a blob to the values of integers."""
    name = free_name(f"{blob}/{how.name}", taken)
    low, high = (float(real(bound) * real(how.scale)) for bound in how.range)
    return Layer(name, Clip(min=low, max=high), (blob,), (name,), quantized=(how.in_full,))
