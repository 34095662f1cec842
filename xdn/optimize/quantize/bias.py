"""Give biases what quantization takes from the mean of their output channel."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from xdn import settings
from xdn.element import real
from xdn.graph import Array, ChannelRule, Layer, Net
from xdn.graph.cost import net_cost
from xdn.optimize.check import Arrays, sized_for
from xdn.optimize.match import sharers


def with_corrected_biases(net: Net, images: Arrays) -> Net:
    """Return a net with the biases of its layers that read integers corrected, from the first layer to the last.

    The source is Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019),
    section 4.2, with images: ``b[k] += mean(y[k] - y_q[k])`` over images and positions, y being what the layer computes
    in f32 from what the f32 net gives it, and y_q what it computes from the integers that the layers before it give,
    corrected already; both without the activation that is fused to it.

    Parameters
    ----------
    net : Net
        With `quantized` layers.
    images : mapping
        Input name -> images.
    """
    sized = sized_for(net, images)
    exact: dict[str, Array] = {name: np.asarray(images[name], real) for name in sized.inputs}
    rounded = dict(exact)
    made: dict[str, Layer] = {}
    unread = _last_readings(net)
    for layer in sized.layers:
        if layer.params.is_input:
            continue
        bare = _without_activation(layer)
        wanted = _forward(bare.replace(quantized=()), exact)
        found = _forward(bare, rounded)
        if layer.quantized and _can_shift(sized, layer):
            shift = _channel_means(wanted[0]) - _channel_means(found[0])
            made[layer.name] = _shifted(layer, shift)
            found = (found[0] + shift.astype(real).reshape(-1, *(1,) * (found[0].ndim - 2)), *found[1:])
        exact.update(zip(layer.tops, _activated(layer, wanted), strict=True))
        rounded.update(zip(layer.tops, _activated(layer, found), strict=True))
        for blob in next(unread):
            exact.pop(blob), rounded.pop(blob)
    return net.replace(layers=tuple(made.get(layer.name, layer) for layer in net.layers))


def correction_images(net: Net) -> int:
    """Return on how many images the biases of a net are corrected: fewer of a net that takes more for each."""
    cost = net_cost(net)
    affordable = settings.CORRECTION_MACS // max(cost.macs, 1), settings.CORRECTION_BYTES // max(cost.top_bytes, 1)
    return max(1, min(settings.CORRECTION_IMAGES, *affordable))


def _last_readings(net: Net) -> Iterator[list[str]]:
    """Yield for each layer that computes the blobs that no layer reads after it."""
    last: dict[str, str] = {}
    for layer in net.layers:
        last |= dict.fromkeys((*layer.tops, *layer.bottoms), layer.name)
    for layer in net.layers:
        if not layer.params.is_input:
            yield [blob for blob, name in last.items() if name == layer.name]


def _forward(layer: Layer, blobs: Arrays) -> tuple[Array, ...]:
    return layer.forward([blobs[name] for name in layer.bottoms])


def _without_activation(layer: Layer) -> Layer:
    """Return a layer without the activation that is fused to it."""
    return layer if layer.epilogue is None else layer.replace(epilogue=replace(layer.epilogue, activation=None))


def _activated(layer: Layer, tops: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the tops of a layer after the activation that is fused to it."""
    activation = layer.epilogue.activation if layer.epilogue else None
    return tops if activation is None else activation.reference(tops, layer.weights, len(tops))


def _can_shift(net: Net, layer: Layer) -> bool:
    """Return whether a layer may have a bias of its own, one for each entry along axis 1 of its top."""
    filters = layer.params.channel_rule_for(net.bottom_blobs(layer)) is ChannelRule.FILTERS
    return filters and not sharers(net, layer)


def _channel_means(top: Array) -> Array:
    """Return the mean (K,) f64 over all but axis 1."""
    return np.asarray(top.mean(axis=tuple(axis for axis in range(top.ndim) if axis != 1), dtype=np.float64))


def _shifted(layer: Layer, shift: Array) -> Layer:
    """Return a layer with `shift` (K,) added to its bias; it gets one where it has none."""
    weights = dict(layer.weights)
    own, bias = weights.pop("weight"), weights.pop("bias", real(0))
    return layer.replace(
        params=replace(layer.params, bias_term=True),  # type: ignore[type-var]
        weights={"weight": own, "bias": (bias + shift).astype(real), **weights},
    )
