"""Where the batch is in blobs that do not have it first, so that a Reshape leaves its extent free there.

A model whose batch is fixed above 1 may lay it behind the steps of sequences, and heads beside it on the same axis. As
elements lie in memory, a Reshape leaves how many blocks there are before the batch, and so tells where it is after.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from xdn.errors import UnsupportedError
from xdn.graph import Blob, LayerParams, Shape
from xdn.layers.permute import Permute
from xdn.layers.reshape import COPIED, INFERRED, Reshape


@dataclass(frozen=True)
class Place:
    """The axis that the batch is on, and how many blocks of it lie along this axis, as T do of T x N."""

    axis: int = 0
    before: int = 1


FIRST = Place()


def reshaped(place: Place, batch: int, own: Sequence[int], shape: Sequence[int]) -> Place | None:
    """Return the place of the batch in another shape; None where the extents do not tell it."""
    blocks = prod(own[: place.axis]) * place.before
    if blocks == batch == 1:
        return FIRST
    for axis in range(len(shape)):
        outer = prod(shape[:axis])
        if batch > 1 and blocks % outer == 0 and outer * shape[axis] % (blocks * batch) == 0:
            return Place(axis, blocks // outer)
    return None


def _kept(place: Place, own: Sequence[int], shape: Sequence[int], copied: Container[int]) -> bool:
    """Return whether the batch's axis is copied to the same axis of another shape, with as many blocks before it."""
    return place.axis in copied and prod(own[: place.axis]) == prod(shape[: place.axis])


def _replaced(params: Reshape, place: Place, own: Blob, top: Blob) -> Place | None:
    """Return where a Reshape leaves the batch by what it is told; None where only extents may tell that."""
    start, end = params.replaced(own)
    copied = [start + number for number, extent in enumerate(params.shape) if extent == COPIED]
    if place.axis < start or _kept(place, own.shape, top.shape, copied):
        return place
    return replace(place, axis=place.axis + len(params.shape) - (end - start)) if place.axis >= end else None


def extents(place: Place, batch: int, own: Shape, shape: Shape, copied: Container[int] = ()) -> Shape:
    """Return a shape as Reshape is told it, its extent free where the batch is; fixed where nothing tells the place.

    A first axis that stays the batch's, and as long, is copied; so is another one, where the model copies it.
    """
    if place != FIRST and _kept(place, own, shape, copied):
        return tuple(COPIED if axis == place.axis else extent for axis, extent in enumerate(shape))
    after = reshaped(place, batch, own, shape)
    free = COPIED if place == after == FIRST and own[:1] == shape[:1] else INFERRED
    return tuple(free if after and axis == after.axis else extent for axis, extent in enumerate(shape))


def place_after(
    params: LayerParams, batch: int, bottoms: Sequence[Blob], tops: Sequence[Blob], places: Sequence[Place]
) -> Place:
    """Return where the batch is in the tops of a layer, by its places in the bottoms.

    It is first, too, behind a Reshape whose extents do not tell it, since that is of one batch alone.

    Raises
    ------
    UnsupportedError
        For another layer that puts axes before the batch, or takes away that of the batch.
    """
    number = next((number for number, place in enumerate(places) if place != FIRST), 0)
    place = places[number] if places else FIRST
    if isinstance(params, Permute):
        return Place(params.axes(bottoms[0]).index(place.axis), place.before)
    if isinstance(params, Reshape):
        known = _replaced(params, place, bottoms[0], tops[0])
        return known or reshaped(place, batch, bottoms[0].shape, tops[0].shape) or FIRST
    if place != FIRST and any(not place.axis < len(top.shape) <= len(bottoms[number].shape) for top in tops):
        raise UnsupportedError("the batch is not the first axis of its inputs, which differ in how many axes they have")
    return place


def batch_of(blobs: Mapping[str, Blob]) -> int:
    """Return the batch of the first input, which is the first blob."""
    return next((blob.shape[0] for blob in blobs.values() if blob.shape), 1)
