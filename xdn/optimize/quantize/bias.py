"""Give biases what quantization takes from the mean of their output channel."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xdn import settings
from xdn.element import real as f32
from xdn.graph import Array, Layer, Net
from xdn.graph.cost import net_cost
from xdn.optimize.check import Arrays, sized_for
from xdn.optimize.quantize.choice import has_own_filters
from xdn.optimize.quantize.instruments import Instruments


def with_corrected_biases(net: Net, real: Net, instruments: Instruments) -> Net:
    """Return a net with the biases of its layers that read integers corrected, from the first layer to the last.

    The source is Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019),
    section 4.2, with images: ``b[k] += mean(y[k] - y_q[k])`` over images and positions, y being what the layer computes
    in f32 from what the f32 net gives it, and y_q what it computes from the integers that the layers before it give,
    corrected already; both without the activation that is fused to it. The mean of y over the images is what the layer
    makes of the mean of its bottoms.

    Parameters
    ----------
    net : Net
        With `quantized` layers.
    real : Net
        The same net in f32.
    instruments : Instruments
        Of their images the first ones are looked at (`correction_images`).
    """
    if not any(layer.integers for layer in net.layers):
        return net
    images = instruments.first(correction_images(net))
    sized = sized_for(net, images)
    shifting = [layer.name for layer in sized.layers if layer.integers and has_own_filters(sized, layer)]
    means = _means(real, shifting, instruments)
    rounded: dict[str, Array] = {name: np.asarray(images[name], f32) for name in sized.inputs}
    made: dict[str, Layer] = {}
    for layer, unread in zip(sized.layers, _last_readings(sized), strict=True):
        if not layer.params.is_input:
            bare = _without_activation(layer)
            found = _forward(bare, rounded)
            if layer.name in shifting:
                wanted = _forward(_without_activation(real.layer(layer.name)), means)
                shift = _shift(wanted[0], found[0])
                made[layer.name] = _shifted(layer, shift)
                found = (found[0] + shift.astype(f32).reshape(-1, *(1,) * (found[0].ndim - 2)), *found[1:])
            rounded.update(zip(layer.tops, _activated(layer, found), strict=True))
        for blob in unread:
            del rounded[blob]
    return net.replace(layers=tuple(made.get(layer.name, layer) for layer in net.layers))


def correction_images(net: Net) -> int:
    """Return on how many images the biases of a net are corrected: fewer of a net that takes more for each."""
    cost = net_cost(net)
    macs = cost.macs + settings.CORRECTION_MACS_A_WEIGHT * cost.parameters
    affordable = settings.CORRECTION_MACS // max(macs, 1), settings.CORRECTION_BYTES // max(cost.top_bytes, 1)
    return max(1, min(settings.CORRECTION_IMAGES, *affordable))


def _means(net: Net, names: Sequence[str], instruments: Instruments) -> dict[str, Array]:
    """Return blob -> its mean (1, ...) over the first images; of the blobs that the layers called so read."""
    blobs = tuple(dict.fromkeys(blob for name in names for blob in net.layer(name).bottoms))
    sums = dict.fromkeys(blobs, np.zeros(1))
    images = 0
    for found in instruments.runner(net, blobs, instruments.head(correction_images(net))) if blobs else ():
        for blob in blobs:
            sums[blob] = sums[blob] + found[blob].sum(axis=0, keepdims=True, dtype=np.float64)
        images += len(found[blobs[0]])
    return {blob: (total / images).astype(f32) for blob, total in sums.items()}


def _last_readings(net: Net) -> list[list[str]]:
    """Return for each layer the blobs that no layer reads after it."""
    last = {blob: layer.name for layer in net.layers for blob in (*layer.tops, *layer.bottoms)}
    return [[blob for blob, name in last.items() if name == layer.name] for layer in net.layers]


def _forward(layer: Layer, blobs: Arrays) -> tuple[Array, ...]:
    """Return the tops of a layer; values may overflow, as they do when it runs."""
    with np.errstate(invalid="ignore", over="ignore"):
        return layer.forward([blobs[name] for name in layer.bottoms])


def _without_activation(layer: Layer) -> Layer:
    """Return a layer without the activation that is fused to it."""
    return layer if layer.epilogue is None else layer.replace(epilogue=replace(layer.epilogue, activation=None))


def _activated(layer: Layer, tops: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the tops of a layer after the activation that is fused to it."""
    activation = layer.epilogue.activation if layer.epilogue else None
    return tops if activation is None else activation.reference(tops, layer.weights, len(tops))


def _shift(wanted: Array, found: Array) -> Array:
    """Return (K,) f64, by how much the means over all but axis 1 differ; 0 where values overflow."""
    with np.errstate(invalid="ignore", over="ignore"):
        shift = _channel_means(wanted) - _channel_means(found)
    return np.where(np.isfinite(shift), shift, 0.0)


def _channel_means(top: Array) -> Array:
    """Return the mean (K,) f64 over all but axis 1."""
    return np.asarray(top.mean(axis=tuple(axis for axis in range(top.ndim) if axis != 1), dtype=np.float64))


def _shifted(layer: Layer, shift: Array) -> Layer:
    """Return a layer with `shift` (K,) added to its bias; it gets one where it has none."""
    weights = dict(layer.weights)
    own, bias = weights.pop("weight"), weights.pop("bias", f32(0))
    return layer.replace(
        params=replace(layer.params, bias_term=True),  # type: ignore[type-var]
        weights={"weight": own, "bias": (bias + shift).astype(f32), **weights},
    )
