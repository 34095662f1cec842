"""Learn whether each weight is rounded up or down: what a layer gives counts, not how near each weight is."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import prod

import numpy as np

from xdn import settings
from xdn.element import real as f32
from xdn.graph import Array, Layer, Net
from xdn.graph.quantized import MOST_WEIGHT
from xdn.graph.reading import SCALES
from xdn.layers.integer import along_filters, rounded_weight, weight_scales, weight_values
from xdn.optimize.quantize.choice import has_own_filters
from xdn.optimize.quantize.instruments import Instruments, Progress

#: Outputs of a layer that are looked at, over all images.
ROWS = 1 << 13
#: What is added to the diagonal of H, relative to its mean, before it is inverted: the least of which it can be.
DAMPINGS = (0.01, 0.1, 1.0)
#: How often each weight is asked at most; most do not change after the second time.
SWEEPS = 4


def with_learned_rounding(
    net: Net, instruments: Instruments, images: int, centred: bool, progress: Progress | None = None
) -> Net:
    """Return a net whose layers of integers have weights on their integers' grid, rounded so that outputs change least.

    The source is Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization" (2020), section 3: for
    each filter w minimise ``(w_q - w) H (w_q - w)^T`` over w_q, each element the integer below or above, H being the
    sum of x x^T over inputs x of the layer, as it reads them. They relax the choice and learn it by gradient descent;
    here each weight makes up for those rounded before it, and is then asked in turn whether the other integer is
    better, given all others, until none changes.

    Parameters
    ----------
    net : Net
        With `quantized` layers, whose weights are f32; the layers before each give what they do in f32.
    instruments : Instruments
    images : int
        The first so many are looked at.
    centred : bool
        Leave the mean of the inputs out of account, since biases are corrected afterwards.
    progress : callable, optional
    """
    real = net.replace(layers=tuple(layer.replace(quantized=()) if layer.integers else layer for layer in net.layers))
    chosen = [layer for layer in net.layers if layer.integers and has_own_filters(net, layer)]
    made: dict[str, Layer] = {}
    for portion in _portions(chosen):
        for layer, gram in zip(portion, _grams(real, portion, instruments, images, centred), strict=True):
            made[layer.name] = _learned(layer, gram)
            if progress:
                progress(len(made), len(chosen))
    return net.replace(layers=tuple(made.get(layer.name, layer) for layer in net.layers))


def _inputs(layer: Layer) -> int:
    """Return with how many values a filter is multiplied."""
    return prod(layer.params.filters(layer.weights["weight"]).shape[1:])


def _portions(layers: Sequence[Layer]) -> Iterator[list[Layer]]:
    """Yield the layers, as many at a time as sums of products there is room for."""
    portion: list[Layer] = []
    room = settings.ROUNDING_BYTES
    for layer in layers:
        groups = getattr(layer.params, "group", 1)
        size = f32().nbytes * groups * _inputs(layer) ** 2
        if portion and size > room:
            yield portion
            portion, room = [], settings.ROUNDING_BYTES
        portion.append(layer)
        room -= size
    if portion:
        yield portion


def _grams(real: Net, layers: Sequence[Layer], instruments: Instruments, images: int, centred: bool) -> list[Array]:
    """Return for each layer (G, I, I) the sum of x x^T over some inputs of each group."""
    blobs = tuple(dict.fromkeys(layer.bottoms[0] for layer in layers))
    places = [prod(real.top_blobs(layer)[0].shape[2:]) for layer in layers]
    rng = np.random.default_rng(0)
    sums = [_Gram(centred) for _ in layers]
    for found in instruments.runner(real, blobs, instruments.head(images)):
        for layer, outputs, gram in zip(layers, places, sums, strict=True):
            read = layer.integers[0]
            bottom = read.values(read.stored(found[layer.bottoms[0]]))
            taken = max(1, min(outputs * len(bottom), ROWS * len(bottom) // images))
            rows = np.sort(rng.choice(outputs * len(bottom), taken, replace=False))
            gram.update(layer.params.columns(bottom, rows))
    return [gram.result() for gram in sums]


class _Gram:
    """The sum of x x^T over a stream, with `centred` of x without its mean."""

    def __init__(self, centred: bool):
        self._centred, self._rows = centred, 0
        #: Subtracted at once: a large mean would cancel.
        self._guess: Array | None = None
        self._products = self._sum = np.zeros(1)

    def update(self, x: Array) -> None:
        """Take in (G, rows, I)."""
        if self._centred:
            self._guess = x.mean(axis=1, keepdims=True) if self._guess is None else self._guess
            x = x - self._guess
        self._products = self._products + x.swapaxes(1, 2) @ x
        self._sum = self._sum + x.sum(axis=1, dtype=np.float64)
        self._rows += x.shape[1]

    def result(self) -> Array:
        """Return (G, I, I) f32."""
        if self._centred:
            self._products -= self._sum[:, :, None] * self._sum[:, None] / self._rows
        return self._products.astype(f32)


def _learned(layer: Layer, gram: Array) -> Layer:
    """Return a layer with its weights rounded by the sums of its inputs' products, and their scales."""
    params, weight = layer.params, layer.weights["weight"]
    scales = weight_scales(params, layer.weights, layer.integers[0])
    quotients = params.filters(weight / along_filters(params, weight, scales))
    nearest = params.filters(rounded_weight(params, weight, scales))
    shape = (len(gram), -1, gram.shape[1])
    best = rounded(quotients.reshape(shape), nearest.reshape(shape), gram).reshape(nearest.shape)
    values = weight_values(params, np.ascontiguousarray(params.weight_of(best)), scales)
    return layer.replace(weights={**layer.weights, "weight": values, SCALES: scales})


def rounded(quotients: Array, nearest: Array, gram: Array) -> Array:
    """Return (G, K/G, I) int8, the integers below or above quotients for which the error is least, one by one.

    With d = w_q - w the error is d H d^T; another integer for element i, further by e, changes it by
    ``2 e (d H)[i] + e^2 H[i, i]``.

    Parameters
    ----------
    quotients : (G, K/G, I) f32
        Weights, each divided by the scale of its filter.
    nearest : (G, K/G, I) int8
        The integers that are nearest to them.
    gram : (G, I, I) f32
        H, of each group.
    """
    gram = gram.astype(np.float64)
    integers = _begun(quotients, nearest, gram)
    difference = integers - quotients
    # The other integer that may stand for a weight is on its other side.
    step = np.where(difference > 0, -1.0, 1.0)
    step[np.abs(integers + step) > MOST_WEIGHT] = 0
    pull = difference @ gram
    diagonal = np.einsum("gii->gi", gram)
    for _ in range(SWEEPS):
        changed = 0
        for i in range(gram.shape[1]):
            e = step[:, :, i]
            group, row = np.nonzero(2 * e * pull[:, :, i] + e * e * diagonal[:, None, i] < 0)
            integers[group, row, i] += e[group, row]
            pull[group, row] += e[group, row][:, None] * gram[group, i]
            step[group, row, i] *= -1
            changed += len(group)
        if not changed:
            break
    return integers.astype(np.int8)


def _begun(quotients: Array, nearest: Array, gram: Array) -> Array:
    """Return (G, K/G, I) f64, the better of the nearest integers and of those that make up for the ones before them.

    The source is Frantar et al., "GPTQ" (2023): an element is rounded after the best real values for those after it,
    given how the ones before it were rounded, are known: by the Cholesky factor of the inverse of H.
    """
    inputs, factor = gram.shape[1], _factor(gram)
    low = np.maximum(np.floor(quotients), -MOST_WEIGHT)
    high = np.minimum(low + 1, MOST_WEIGHT)
    values, integers = quotients.astype(np.float64), np.empty(quotients.shape)
    for i in range(inputs):
        integers[:, :, i] = np.rint(values[:, :, i]).clip(low[:, :, i], high[:, :, i])
        error = (values[:, :, i] - integers[:, :, i]) / factor[:, None, i, i]
        values[:, :, i + 1 :] -= error[:, :, None] * factor[:, None, i, i + 1 :]
    better = _error(integers - quotients, gram) < _error(nearest - quotients, gram)
    return np.where(better[:, :, None], integers, nearest).astype(np.float64)


def _factor(gram: Array) -> Array:
    """Return (G, I, I) f64, the upper triangular U with U^T U = H^-1, H damped as much as it takes."""
    mean = np.trace(gram, axis1=1, axis2=2)[:, None, None] / gram.shape[1]
    identity = np.eye(gram.shape[1])
    for damping in DAMPINGS:
        with suppress(np.linalg.LinAlgError):
            damped = gram + np.where(mean > 0, damping * mean, 1.0) * identity
            return np.asarray(np.linalg.cholesky(np.linalg.inv(damped)).swapaxes(1, 2))
    return np.broadcast_to(identity, gram.shape)


def _error(difference: Array, gram: Array) -> Array:
    """Return (G, K/G), d H d^T of each filter."""
    return np.asarray(np.einsum("gki,gki->gk", difference @ gram, difference))
