"""Who hears of kernels that compile: it takes a second or so for each, and whoever waits wants to know."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Called with (name of a kernel that is compiled now, kernels done, kernels in all); at the end done is all.
Listener = Callable[[str, int, int], None]

_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let `listener` hear of all kernels that this process compiles while the block lasts."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(name: str, done: int, total: int) -> None:
    """Tell all who listen."""
    for listener in _listeners:
        listener(name, done, total)
