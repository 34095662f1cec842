"""Who hears of what happens once and takes seconds, kernels that compile, a machine that is measured: whoever waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Called with (what is done now, such as "compile NAME", parts done, parts in all); at the end done is all.
Listener = Callable[[str, int, int], None]

_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let `listener` hear of all that this process compiles and measures while the block lasts."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(doing: str, done: int, total: int) -> None:
    """Tell all who listen."""
    for listener in _listeners:
        listener(doing, done, total)
