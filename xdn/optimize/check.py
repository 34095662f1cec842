"""Compare what two nets compute on the same batch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from xdn import memory, settings
from xdn.element import real
from xdn.errors import InputError
from xdn.graph import Array, Layer, Net
from xdn.graph.examples import examples
from xdn.graph.reading import without_scales
from xdn.graph.verify import is_sound, verify
from xdn.layers.input import Input
from xdn.layers.quantize import Quantize
from xdn.layers.split import Split
from xdn.memory import Need

Arrays = Mapping[str, Array]

#: Differences are taken relative to the largest value of a blob, but never to less than this: with the default
#: tolerance a blob of zeros may then differ by 1e-7, the rounding of f32 at values of order one.
SMALLEST_SCALE = 1e-3
SEED = 20190625
#: Elements that are compared at a time.
_PART = 1 << 20


class Forward(Protocol):
    """Run a net: inputs by name -> at least the net's outputs by name, f32."""

    def __call__(self, net: Net, inputs: Arrays, /) -> Arrays:
        """Return the outputs, and any other blobs that the runner keeps."""
        ...


def reference(net: Net, inputs: Arrays) -> Arrays:
    """Run the NumPy references; values that overflow are compared like any others."""
    with np.errstate(over="ignore", invalid="ignore"):
        return net.forward(inputs)


def in_f32(net: Net) -> Net:
    """Return the net with every layer in f32: none reads or stores 8-bit integers, and Quantize gives its bottom."""
    if not any(layer.quantized or isinstance(layer.params, Quantize) for layer in net.layers):
        return net
    layers = (
        layer.replace(params=Split(), quantized=(), stored=())
        if isinstance(layer.params, Quantize)
        else layer.replace(weights=without_scales(layer.weights), quantized=(), stored=())
        for layer in net.layers
    )
    return net.replace(layers=tuple(layers))


def seeded_batch(net: Net, images: int = settings.STAGE_CHECK_IMAGES) -> dict[str, Array]:
    """Return input name -> seeded normal values that spread as the net's transformed pixels do, or what layers ask for.

    A net that cannot take `images` images (a Reshape may state the batch, or weights lie along it) keeps the batch that
    it declares.
    """
    resized = net.with_batch(images)
    sized = resized if is_sound(resized) else net
    blobs = sized.blobs
    tops = [(layer, top) for layer in net.input_layers for top in layer.tops]
    # Drawn and scaled in f64.
    needs = [Need(layer.place, 5 * blobs[top].bytes) for layer, top in tops]
    memory.require(needs, "making a batch for the net")
    rng = np.random.default_rng(SEED)
    normal = {top: (rng.standard_normal(blobs[top].shape) * _spread(layer)).astype(real) for layer, top in tops}
    return normal | examples(net, {name: blob.shape for name, blob in sized.inputs.items()}, rng)


def _spread(layer: Layer) -> float:
    params = layer.params if isinstance(layer.params, Input) else Input()
    transform = params.transform
    return params.spread * transform.scale / (float(np.mean(transform.std)) if transform.std else 1.0)


def sized_for(net: Net, inputs: Arrays) -> Net:
    """Return `net` for inputs of their shapes, whatever it declares itself; raise InputError where they are others."""
    if set(inputs) != set(net.inputs):
        raise InputError(f"a batch for {sorted(inputs)}, but the net's inputs are {sorted(net.inputs)}")
    return net.reshape({name: array.shape for name, array in inputs.items()})


def run(forward: Forward, net: Net, inputs: Arrays) -> Arrays:
    """Return what `net` computes from `inputs`, whatever batch it declares itself."""
    sized = sized_for(net, inputs)
    verify(sized)
    return forward(sized, inputs)


def after_jumps(net: Net, known: Arrays, read: Mapping[str, Sequence[Array | None]]) -> Arrays:
    """Return what a net gives where layers read other bottoms, such as those whose tops jump (`LayerParams.jumps`).

    Parameters
    ----------
    net : Net
    known : mapping
        Its blobs by name, as the references give them.
    read : mapping
        Layer's name -> the bottoms that it reads; None in place of those that stay as they are.
    """
    found = dict(known)
    changed: set[str] = set()
    for layer in net.layers:
        given = read.get(layer.name, ())
        if layer.params.is_input or not (given or changed.intersection(layer.bottoms)):
            continue
        given = given or [None] * len(layer.bottoms)
        bottoms = [found[name] if other is None else other for name, other in zip(layer.bottoms, given, strict=True)]
        found |= dict(zip(layer.tops, layer.forward(bottoms), strict=True))
        changed.update(layer.tops)
    return found


def largest_difference(before: Arrays, after: Arrays, blobs: Iterable[str]) -> float:
    """Return the largest difference over `blobs`, each relative to its largest value before.

    Infinite where the shapes differ, or NaN and infinity do not stand at the same places.
    """
    return max((_difference(before[name], after[name]) for name in blobs), default=0.0)


def _difference(before: Array, after: Array) -> float:
    if before.shape != after.shape:
        return float("inf")
    largest, scale = 0.0, SMALLEST_SCALE
    # A part at a time: in f64 a blob takes several times its room.
    for first in range(0, before.size, _PART):
        old, new = before.ravel()[first : first + _PART], after.ravel()[first : first + _PART]
        usual = np.isfinite(old)
        if not np.array_equal(old[~usual], new[~usual], equal_nan=True) or not np.isfinite(new[usual]).all():
            return float("inf")
        known = old[usual].astype(np.float64)
        scale = max(scale, float(np.abs(known).max(initial=0.0)))
        largest = max(largest, float(np.abs(new[usual] - known).max(initial=0.0)))
    return largest / scale
