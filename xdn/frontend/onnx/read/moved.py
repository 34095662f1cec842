"""Where the batch is in blobs that do not have it first, so that a Reshape leaves its extent free there.

A model whose batch is fixed above 1 may lay it behind the steps of sequences, and heads beside it on the same axis. As
elements lie in memory, a Reshape leaves how many blocks there are before the batch, and so tells where it is after.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


def extents(place: Place, batch: int, own: Shape, shape: Shape) -> Shape:
    """Return a shape as Reshape is told it, its extent free where the batch is; fixed where nothing tells the place.

    A first axis that stays the batch's, and as long, is copied.
    """
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
        return reshaped(place, batch, bottoms[0].shape, tops[0].shape) or FIRST
    if place != FIRST and any(not place.axis < len(top.shape) <= len(bottoms[number].shape) for top in tops):
        raise UnsupportedError("the batch is not the first axis of its inputs, which differ in how many axes they have")
    return place


def batch_of(blobs: Mapping[str, Blob]) -> int:
    """Return the batch of the first input, which is the first blob."""
    return next((blob.shape[0] for blob in blobs.values() if blob.shape), 1)
