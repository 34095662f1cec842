"""Which extents of a net's blobs follow the batch: found by sizing the net for other batches."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from xdn.graph.blob import Blob, Shape
from xdn.graph.net import Net
from xdn.graph.verify import is_sound

#: What the batches of a net's inputs are called: the first one declared N, inputs that declare another one M, ...
LETTERS = "NMLKJIHG"
#: An extent that follows a batch otherwise than by a multiple of it and a constant, or more than one batch.
UNKNOWN = "?"
#: By how much larger the batches are, at most, that are tried after multiples of the declared one.
_LARGER = 12

#: Of each axis a number, or how it follows the batch: ``"N"``, ``"2N"``, ``"N/2"``, ``"N+3"``, ``"(N-1)/2"``.
Extents = tuple[int | str, ...]


def extents(net: Net) -> dict[str, Extents]:
    """Return each blob's extents. A batch that shapes or weights fix is a number."""
    found: dict[str, list[int | str]] = {name: list(blob.shape) for name, blob in net.blobs.items()}
    declared = list(dict.fromkeys(blob.shape[0] for blob in net.inputs.values() if blob.shape))
    for letter, batch in zip(LETTERS, declared, strict=False):
        sized = _others(net, batch)
        for name, axes in found.items():
            for axis, now in enumerate(net.blobs[name].shape):
                points = [(batch, now), *((n, blobs[name].shape[axis]) for n, blobs in sized)]
                if (said := _said(points, letter)) != now:
                    axes[axis] = said if axes[axis] == now else UNKNOWN
    return {name: tuple(axes) for name, axes in found.items()}


def _others(net: Net, batch: int) -> list[tuple[int, Mapping[str, Blob]]]:
    """Return (batch, blobs) for two other batches of the inputs that declare `batch`; empty where they take no other.

    Multiples come first, since a batch may have to divide into parts; so may what is left of one after a Slice.
    """
    sized: list[tuple[int, Mapping[str, Blob]]] = []
    for other in dict.fromkeys((2 * batch, 3 * batch, *range(batch + 1, batch + _LARGER + 1))):
        shapes = {name: (other, *blob.shape[1:]) for name, blob in net.inputs.items() if blob.shape[:1] == (batch,)}
        if (blobs := _sized(net, shapes)) is not None:
            sized.append((other, blobs))
        if len(sized) == 2:
            return sized
    return []


def _sized(net: Net, shapes: Mapping[str, Shape]) -> Mapping[str, Blob] | None:
    """Return the blobs for inputs of `shapes`, None where the net or its weights do not take them."""
    resized = net.reshape(shapes)
    return resized.blobs if is_sound(resized) else None


def _said(points: Sequence[tuple[int, int]], letter: str) -> int | str:
    """Return an extent of which some (batch, extent) are known: a number, or what it is of the batch."""
    (n, extent), *rest = points
    if all(other == extent for _, other in rest):
        return extent
    slope = Fraction(rest[0][1] - extent, rest[0][0] - n)
    if any(other != extent + slope * (m - n) for m, other in rest):
        return UNKNOWN
    # (times * batch + shift) / part, as it would be written by hand.
    times, part = slope.numerator, slope.denominator
    shift = int(part * extent - times * n)
    said = {1: letter, -1: f"-{letter}"}.get(times, f"{times}{letter}")
    if shift % part == 0:
        return said + (f"/{part}" if part > 1 else "") + (f"{shift // part:+d}" if shift else "")
    return f"({said}{shift:+d})/{part}"
