"""What a session takes and gives: names and shapes of blobs, and the checks of what a caller hands over."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xdn.element import REAL
from xdn.errors import InputError, NetError, UnsupportedError, WeightsError
from xdn.graph import Array, Blob, Net, Shape
from xdn.graph.extents import Extents, extents
from xdn.graph.verify import verify

#: Whole numbers that inputs of f32 take, too, such as the numbers of words; bytes would be images without a transform.
_WHOLE = (np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.bool_))
#: f32 has all whole numbers up to this one.
_LARGEST_WHOLE = 1 << 24


@dataclass(frozen=True)
class Argument:
    """An input or output: name, dtype and shape, in which a free batch is ``"N"``.

    An extent that follows the batch otherwise says how, such as ``"2N"``; one that a layer fixes is a number, also on
    axis 0. Inputs that declare another batch than the first one have ``"M"``, and so on (`xdn.graph.extents`).
    """

    name: str
    shape: Extents
    type: str = REAL.dtype


def arguments_of(net: Net, names: Iterable[str]) -> list[Argument]:
    """Return name, shape and dtype of inputs or outputs."""
    known = extents(net)
    return [Argument(name, known[name], net.blobs[name].element.dtype) for name in names]


def checked_names(net: Net, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the blobs that are asked for, the net's outputs for None; raise InputError for one that it lacks."""
    if not names:
        return net.outputs
    for name in names:
        if name not in net.blobs:
            raise InputError(f"the net has no blob {name!r}", mend=f"Its outputs: {', '.join(net.outputs)}")
    return tuple(names)


def checked_feed(net: Net, feed: Mapping[str, Array]) -> dict[str, Array]:
    """Return contiguous arrays for the inputs, in their order.

    Inputs that declare one batch have one, unless the layers take others.

    Raises
    ------
    InputError
        For a wrong name, shape or dtype; the message lists what is valid.
    """
    inputs = net.inputs
    if not isinstance(feed, Mapping):
        raise InputError(f"the feed is a {type(feed).__name__}, not a mapping of names", mend=_valid(net))
    if feed.keys() != inputs.keys():
        raise InputError(f"inputs {sorted(feed)} are given", mend=_valid(net))
    arrays = {name: _checked(net, name, blob, feed[name]) for name, blob in inputs.items()}
    if parted := parted_batches(net, shapes := {name: array.shape for name, array in arrays.items()}):
        try:
            verify(net.reshape(shapes))
        except (NetError, UnsupportedError, WeightsError) as error:
            raise InputError(f"inputs that declare one batch have different batches {parted}: {error}") from None
    return arrays


def input_of_images(net: Net, images: Array, crop: tuple[int, int, int, int]) -> str:
    """Return the name of the only input, which u8 images (N, H, W, C) fill by a crop: top, left, height, width.

    Raises
    ------
    InputError
        Where the images do not fit the crop or the net.
    """
    if len(net.inputs) != 1:
        raise InputError(f"the net has {len(net.inputs)} inputs; images fill only one")
    if images.dtype != np.uint8 or images.ndim != 4:
        raise InputError(f"images of {images.dtype} {images.shape}; uint8 (N, H, W, C) is expected")
    top, left, height, width = crop
    if top + height > images.shape[1] or left + width > images.shape[2]:
        raise InputError(f"a crop of {height}x{width} does not fit into images of {images.shape[1:3]}")
    name, blob = next(iter(net.inputs.items()))
    if len(blob.shape) != 4 or blob.shape[1] != images.shape[3]:
        raise InputError(f"images of {images.shape[3]} channels; the input {name!r} has the shape {blob.shape}")
    return name


def parted_batches(net: Net, shapes: Mapping[str, Shape]) -> list[int]:
    """Return the batches of inputs that declare one, where these are several: a detector's images and regions may."""
    if len(net.inputs) == 1:
        return []
    batches: dict[Shape, set[int]] = {}
    for name, blob in net.inputs.items():
        batches.setdefault(blob.shape[:1], set()).update(shapes[name][:1])
    return next((sorted(found) for found in batches.values() if len(found) > 1), [])


def checked_size(net: Net, shapes: Mapping[str, Shape]) -> Net:
    """Return the net for inputs of `shapes`.

    Raises
    ------
    InputError
        Where weights lie along an axis that the shapes decide, such as the batch, and are for another extent.
    """
    sized = net.reshape(shapes)
    try:
        verify(sized)
    except WeightsError as error:
        mend = f"The weights fix the shapes. {_valid(net)}"
        raise InputError(f"inputs of the shapes {list(shapes.values())}: {error}", mend=mend) from None
    return sized


def _valid(net: Net) -> str:
    """Return what a feed must be."""
    return "The net takes " + "; ".join(f"{a.name}: {a.type} {a.shape}" for a in arguments_of(net, net.inputs))


def _real(name: str, array: Array) -> Array:
    """Return whole numbers as f32; InputError for one beyond those that f32 has all of."""
    if array.size and max(int(array.max()), -int(array.min())) > _LARGEST_WHOLE:
        what = f"input {name!r} holds whole numbers from {array.min()} to {array.max()}"
        raise InputError(what, mend=f"f32, in which nets compute, has all of them up to {_LARGEST_WHOLE}")
    return array.astype(np.float32)


def _checked(net: Net, name: str, blob: Blob, array: Array) -> Array:
    array, wanted = np.asarray(array), blob.element.numpy
    # In this order, since what is asked first is all that is asked of most arrays.
    if array.dtype != wanted and blob.element == REAL and array.dtype in _WHOLE:
        array = _real(name, array)
    if array.dtype != wanted:
        raise InputError(f"input {name!r} is {array.dtype}; {blob.element.dtype} is expected", mend=_valid(net))
    if array.ndim != len(blob.shape) or array.shape[1:2] != blob.shape[1:2]:
        raise InputError(f"input {name!r} has the shape {array.shape}", mend=_valid(net))
    return np.ascontiguousarray(array)
