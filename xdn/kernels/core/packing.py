"""Weights are packed once: plans of other shapes, outputs or chunks refer to what an earlier one has packed.

A function marked `packed_once` gives the packed form of weights for a way to pack them: tile, target, taps. While
`keeping` lasts, the same weights packed in the same way are the same array. It is kept as long as a plan refers to it.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from weakref import ref

import numpy as np

P = ParamSpec("P")


class PackedWeights:
    """What the plans of one net have packed; its weights must not change meanwhile."""

    def __init__(self) -> None:
        #: What decides the packed form -> the weights, so that their address stays theirs, and the packed form.
        self._made: dict[Hashable, tuple[np.ndarray, ref[np.ndarray]]] = {}

    def __len__(self) -> int:
        return len(self._made)

    def get(self, key: Hashable, weight: np.ndarray, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the packed form that a plan refers to, else make it."""
        entry = self._made.get(key)
        packed = entry and entry[1]()
        if packed is None:
            packed = make()
            self._made[key] = weight, ref(packed, lambda gone: self._forget(key, gone))
        return packed

    def _forget(self, key: Hashable, gone: "ref[np.ndarray]") -> None:
        entry = self._made.get(key)
        if entry is not None and entry[1] is gone:
            del self._made[key]


_store: ContextVar[PackedWeights | None] = ContextVar("packed weights", default=None)


@contextmanager
def keeping(store: PackedWeights) -> Iterator[None]:
    """Let functions that are marked `packed_once` look into `store`, and put there what they make."""
    token = _store.set(store)
    try:
        yield
    finally:
        _store.reset(token)


def packed_once(
    pack: Callable[Concatenate[np.ndarray, P], np.ndarray],
) -> Callable[Concatenate[np.ndarray, P], np.ndarray]:
    """Return `pack` (weight, how...) -> array, which packs the same weights once in the same way; see the module."""

    @wraps(pack)
    def once(weight: np.ndarray, /, *args: P.args, **kwargs: P.kwargs) -> np.ndarray:
        store = _store.get()
        if store is None:
            return pack(weight, *args, **kwargs)
        how = _key([*args, *sorted(kwargs.items())])
        key = pack, weight.ctypes.data, weight.shape, weight.strides, weight.dtype.str, how
        return store.get(key, weight, lambda: pack(weight, *args, **kwargs))

    return once


def _key(argument: Any) -> Hashable:
    """Return what tells arguments apart: of arrays and sequences their content."""
    if isinstance(argument, np.ndarray):
        return argument.shape, argument.dtype.str, argument.tobytes()
    if isinstance(argument, (list, tuple)):
        return tuple(map(_key, argument))
    return argument  # type: ignore[no-any-return]
