"""Weights as 8-bit integers and scales of filters, or as codebooks: what a file holds of a layer, and back."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xdn.errors import WeightsError
from xdn.graph import Array, Layer, LayerParams
from xdn.graph.codebook import Codebook, codebook_in
from xdn.graph.epilogue import PROJECTION_PREFIX
from xdn.graph.quantized import BITS, LEAST_SCALE, MOST_SCALE
from xdn.graph.reading import SCALES
from xdn.layers.integer import rounded_weight, weight_values

_WEIGHT = "weight"


def _filters_of(layer: Layer, name: str) -> tuple[str, LayerParams | None]:
    """Return what the names of the filters begin with of which a weight is one, and their parameters; None of none."""
    prefix = PROJECTION_PREFIX if name.startswith(PROJECTION_PREFIX) else ""
    params = layer.projection if prefix else layer.params
    return prefix, params if name == prefix + _WEIGHT and params and params.filter_count else None


@dataclass(frozen=True, eq=False)
class StoredWeight:
    """A weight as a file holds it.

    Parameters
    ----------
    array : array
        f32, or int8 where it is integers times scales to the bit.
    scales : (K,) f32, optional
        What 1 stands for in each filter.
    bits : int
        In how many bits each integer lies.
    codebook : Codebook, optional
        What makes the array; the file holds its centroids and codes.
    """

    array: Array
    scales: Array | None = None
    bits: int = BITS
    codebook: Codebook | None = None


def stored_weights(layer: Layer) -> Iterator[StoredWeight]:
    """Yield each weight of a layer as a file holds it."""
    for name, array in layer.weights.items():
        prefix, params = _filters_of(layer, name)
        if name == prefix + SCALES:
            continue
        scales = layer.weights.get(prefix + SCALES) if params else None
        if scales is None or params is None:
            yield StoredWeight(array, codebook=codebook_in(layer) if name == _WEIGHT else None)
            continue
        read = layer.integer_weights
        bits = read[-1 if prefix else 0].weight_bits if read else BITS
        integers = rounded_weight(params, array, scales, bits)
        exact = np.array_equal(weight_values(params, integers, scales), array)
        yield StoredWeight(integers, scales, bits) if exact else StoredWeight(array, scales)


def scaled_weights(layer: Layer, name: str, array: Array, scales: Array) -> dict[str, Array]:
    """Return the weights that a blob with scales holds: f32 values, and the scales where its weights are integers.

    Raises
    ------
    WeightsError
        Where the layer has no such filters, or the scales are not theirs.
    """
    prefix, params = _filters_of(layer, name)
    if params is None:
        raise WeightsError(f"{name} has scales, which only filters have")
    if len(scales) != params.filter_count:
        raise WeightsError(f"{name} has scales for {len(scales)} filters; there are {params.filter_count}")
    if not ((scales >= LEAST_SCALE) & (scales <= MOST_SCALE)).all():
        raise WeightsError(f"a scale of {name} is not between 2^-100 and 2^126")
    values = weight_values(params, array, scales) if array.dtype == np.int8 else array
    return {name: values} | ({prefix + SCALES: scales} if layer.integer_weights else {})
