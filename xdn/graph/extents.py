"""Which extents of a net's blobs follow the batch: found by sizing the net for other batches."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from xdn.errors import NetError, UnsupportedError, WeightsError
from xdn.graph.blob import Blob, Shape
from xdn.graph.net import Net
from xdn.graph.verify import verify

#: What the batches of a net's inputs are called: the first one declared N, inputs that declare another one M, ...
LETTERS = "NMLKJIHG"
#: An extent that follows a batch otherwise than by a multiple of it and a constant, or more than one batch.
UNKNOWN = "?"

#: Of each axis a number, or how it follows the batch: ``"N"``, ``"2N"``, ``"N/2"``, ``"N+3"``.
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

    Multiples come first: a batch may have to divide into parts.
    """
    for others in ((2 * batch, 3 * batch), (batch + 1, batch + 2)):
        sized = []
        for other in others:
            shapes = {name: (other, *blob.shape[1:]) for name, blob in net.inputs.items() if blob.shape[:1] == (batch,)}
            if (blobs := _sized(net, shapes)) is None:
                break
            sized.append((other, blobs))
        if len(sized) == len(others):
            return sized
    return []


def _sized(net: Net, shapes: Mapping[str, Shape]) -> Mapping[str, Blob] | None:
    """Return the blobs for inputs of `shapes`, None where the net or its weights do not take them."""
    resized = net.reshape(shapes)
    try:
        verify(resized)
    except (NetError, UnsupportedError, WeightsError):
        return None
    return resized.blobs


def _said(points: Sequence[tuple[int, int]], letter: str) -> int | str:
    """Return an extent of which some (batch, extent) are known: a number, or what it is of the batch."""
    (n, extent), *rest = points
    if all(other == extent for _, other in rest):
        return extent
    slope = Fraction(rest[0][1] - extent, rest[0][0] - n)
    shift = extent - slope * n
    if shift.denominator > 1 or any(other != slope * m + shift for m, other in rest):
        return UNKNOWN
    times = "" if slope.numerator == 1 else "-" if slope.numerator == -1 else str(slope.numerator)
    part = "" if slope.denominator == 1 else f"/{slope.denominator}"
    return f"{times}{letter}{part}{f'{int(shift):+d}' if shift else ''}"
