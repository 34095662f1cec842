"""Tables that follow from geometry alone: the layers of a plan that have it in common share one.

A net has many layers and few geometries. While `sharing` lasts, a function marked `shared` computes the same arguments
once; arrays and other objects without a hash are the same only where they are one object.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: (Function, arguments) -> the arguments, which must live as long as their identity is a key, and the result.
_made: ContextVar[dict[Hashable, tuple[Any, Any]] | None] = ContextVar("tables", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Let all calls of shared functions in this thread share their results from here on."""
    token = _made.set({})
    try:
        yield
    finally:
        _made.reset(token)


def shared(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function`, computed once for the same arguments while `sharing` lasts; its results are read only."""

    @wraps(function)
    def once(*args: P.args, **kwargs: P.kwargs) -> R:
        made = _made.get()
        if made is None:
            return function(*args, **kwargs)
        key = (function, _key(args), _key(tuple(sorted(kwargs.items()))))
        if key not in made:
            made[key] = (args, kwargs), function(*args, **kwargs)
        result: R = made[key][1]
        return result

    return once


def _key(argument: Any) -> Hashable:
    if isinstance(argument, (list, tuple)):
        return tuple(map(_key, argument))
    try:
        hash(argument)
    except TypeError:
        return id, id(argument)
    return argument  # type: ignore[no-any-return]
