"""What a session takes and gives: names and shapes of blobs, and the checks of what a caller hands over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xdn.errors import InputError
from xdn.graph.blob import Blob
from xdn.graph.layer import Array
from xdn.graph.net import Net


@dataclass(frozen=True)
class Argument:
    """An input or output: name, dtype, and shape with the free batch as ``"N"``."""

    name: str
    shape: tuple[int | str, ...]
    type: str = "float32"


def inputs_of(net: Net) -> list[Argument]:
    """Return name, shape and dtype of the inputs; the batch is free."""
    return [Argument(name, ("N", *blob.shape[1:])) for name, blob in net.inputs.items()]


def outputs_of(net: Net) -> list[Argument]:
    """Return name, shape and dtype of the outputs; the batch is free."""
    return [Argument(name, ("N", *net.blobs[name].shape[1:])) for name in net.outputs]


def checked_names(net: Net, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the blobs that are asked for, the net's outputs for None; raise InputError for one that it lacks."""
    if not names:
        return net.outputs
    for name in names:
        if name not in net.blobs:
            raise InputError(f"the net has no blob {name!r}", mend=f"Its outputs: {', '.join(net.outputs)}")
    return tuple(names)


def checked_feed(net: Net, feed: Mapping[str, Array]) -> dict[str, Array]:
    """Return contiguous f32 arrays for the inputs, in their order; inputs that declare one batch have one.

    Raises
    ------
    InputError
        For a wrong name, shape or dtype; the message lists what is valid.
    """
    inputs = net.inputs
    if not isinstance(feed, Mapping):
        raise InputError(f"the feed is a {type(feed).__name__}, no mapping of names", mend=_valid(net))
    if feed.keys() != inputs.keys():
        raise InputError(f"inputs {sorted(feed)} are given", mend=_valid(net))
    arrays = {name: _checked(net, name, blob, feed[name]) for name, blob in inputs.items()}
    batches: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    for name, array in arrays.items():
        batches.setdefault(inputs[name].shape[:1], set()).add(array.shape[:1])
    if mixed := [sorted(each for (each,) in found) for found in batches.values() if len(found) > 1]:
        raise InputError(f"inputs that declare one batch have different batches {mixed[0]}")
    return arrays


def _valid(net: Net) -> str:
    """Return what a feed must be."""
    return "The net takes " + "; ".join(f"{a.name}: {a.type} {a.shape}" for a in inputs_of(net))


def _checked(net: Net, name: str, blob: Blob, array: Array) -> Array:
    array = np.asarray(array)
    if array.dtype != np.float32:
        raise InputError(f"input {name!r} is {array.dtype}; float32 is expected", mend=_valid(net))
    if array.ndim != len(blob.shape) or array.shape[1:2] != blob.shape[1:2]:
        raise InputError(f"input {name!r} has the shape {array.shape}", mend=_valid(net))
    return np.ascontiguousarray(array)
