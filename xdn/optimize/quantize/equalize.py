"""Equalize channels: let all channels of a blob use the integers that one scale gives them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xdn.graph import Array, Layer, Net
from xdn.layers.convolution import Convolution
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.optimize.match import reason_to_keep
from xdn.optimize.quantize.choice import has_own_filters
from xdn.optimize.quantize.instruments import Instruments


@dataclass(frozen=True)
class _Pair:
    """A layer and the only one that reads what it gives."""

    maker: Layer
    reader: Layer
    channels: int


def equalized(net: Net, instruments: Instruments) -> Net:
    """Return the net with the channels between layers scaled so that one scale suits all of them; it computes the same.

    The source is Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019), section
    4.1: where a layer gives act(W1 x + b1), act(s y) = s act(y), and one layer W2 alone reads that, ::

        W1[i] / s[i], b1[i] / s[i], W2[:, i] * s[i]        s[i] = sqrt(a[i] / r[i])

    gives the same outputs. Filters have scales of their own, so that the largest magnitude a[i] of channel i on the
    images stands for the range of W1[i]; r[i] is that of W2[:, i]. Where W2 is depthwise, its filters have scales of
    their own, too, and s[i] = a[i]. Every s[i] is rounded to a power of two, and no value is rounded anew.

    Parameters
    ----------
    net : Net
        Fused, in f32.
    instruments : Instruments
    """
    pairs = {pair.maker.tops[0]: pair for pair in _pairs(net)}
    peaks = {blob: np.zeros(pair.channels) for blob, pair in pairs.items()}
    for found in instruments.passes(net, tuple(pairs)) if pairs else ():
        for blob, peak in peaks.items():
            values = np.abs(found[blob])
            np.maximum(peak, values.max(axis=tuple(axis for axis in range(values.ndim) if axis != 1)), out=peak)
    made = {layer.name: layer for layer in net.layers}
    for blob, pair in pairs.items():
        factors = _factors(pair, peaks[blob])
        made[pair.maker.name] = _divided(made[pair.maker.name], factors)
        made[pair.reader.name] = _multiplied(made[pair.reader.name], factors)
    return net.replace(layers=tuple(made.values()))


def _pairs(net: Net) -> Iterator[_Pair]:
    """Yield a pair for each blob that one layer of filters makes, and one other reads."""
    for reader in net.layers:
        if isinstance(reader.params, Convolution | InnerProduct) and has_own_filters(net, reader):
            maker = net.producers[reader.bottoms[0]]
            alone = reason_to_keep(net, reader.bottoms[0]) is None
            if alone and has_own_filters(net, maker) and _scales_along(maker):
                yield _Pair(maker, reader, net.blobs[reader.bottoms[0]].shape[1])


def _scales_along(layer: Layer) -> bool:
    """Return whether a layer's top is multiplied where its weights and bias are, by what is positive."""
    if layer.epilogue is None:
        return True
    activation = layer.epilogue.activation
    return not layer.epilogue.reads and (activation is None or isinstance(activation, ReLU | PReLU))


def _rows(layer: Layer, channels: int) -> Array:
    """Return the filters as (G, K/G, C/G, what meets each channel), C being the channels of the bottom."""
    filters = layer.params.filters(layer.weights["weight"])
    groups = layer.params.group if isinstance(layer.params, Convolution) else 1
    return filters.reshape(groups, len(filters) // groups, channels // groups, -1)


def _factors(pair: _Pair, peaks: Array) -> Array:
    """Return s (C,), powers of two; 1 for channels that are 0 or that nothing reads."""
    rows = np.abs(_rows(pair.reader, pair.channels))
    read = rows.max(axis=(1, 3)).ravel().astype(np.float64)
    used = (peaks > 0) & (read > 0) & np.isfinite(peaks)
    depthwise = rows.shape[2] == 1 and pair.channels > 1
    logarithms = np.zeros(pair.channels)
    if depthwise:
        logarithms[used] = np.log2(peaks[used])
    else:
        logarithms[used] = np.log2(peaks[used] / read[used]) / 2
    # All channels together do not get larger or smaller.
    logarithms[used] -= logarithms[used].mean() if used.any() else 0
    return np.exp2(np.rint(logarithms)).astype(np.float32)


def _divided(layer: Layer, factors: Array) -> Layer:
    """Return a layer whose top's channels are divided by `factors` (C,)."""
    weights = dict(layer.weights)
    filters = layer.params.filters(weights["weight"])
    along = factors.reshape(-1, *(1,) * (filters.ndim - 1))
    weights["weight"] = np.ascontiguousarray(layer.params.weight_of(filters / along))
    if "bias" in weights:
        weights["bias"] = weights["bias"] / factors
    return layer.replace(weights=weights)


def _multiplied(layer: Layer, factors: Array) -> Layer:
    """Return a layer that multiplies the channels of its bottom with `factors` (C,)."""
    filters = layer.params.filters(layer.weights["weight"])
    rows = _rows(layer, len(factors))
    along = factors.reshape(len(rows), 1, -1, 1)
    weight = layer.params.weight_of((rows * along).reshape(filters.shape))
    return layer.replace(weights={**layer.weights, "weight": np.ascontiguousarray(weight)})
