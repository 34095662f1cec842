"""Make the next batches while the last one is used; the order is that of their numbers."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: Batches that wait.
DEPTH = 4
#: How long a thread waits before it looks whether it is still wanted, in seconds.
_PATIENCE_S = 0.2


class _Failure:
    """What went wrong in the thread."""

    def __init__(self, error: BaseException):
        self.error = error


class Prefetch(Generic[T]):
    """Iterates over ``make(start)``, ``make(start + 1)``, ..., ``make(stop - 1)``, made by one thread ahead of need."""

    def __init__(self, make: Callable[[int], T], start: int, stop: int):
        self._make, self._range = make, range(start, stop)
        self._ready: queue.Queue[Any] = queue.Queue(DEPTH)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="xdn-prefetch", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            for index in self._range:
                if not self._put(self._make(index)):
                    return
        except BaseException as error:
            self._put(_Failure(error))

    def _put(self, item: Any) -> bool:
        while not self._closed.is_set():
            try:
                self._ready.put(item, timeout=_PATIENCE_S)
                return True
            except queue.Full:
                continue
        return False

    def __iter__(self) -> Iterator[T]:
        for _ in self._range:
            item = self._ready.get()
            if isinstance(item, _Failure):
                raise item.error
            yield item

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()


@contextmanager
def prefetched(make: Callable[[int], T], start: int, stop: int) -> Iterator[Prefetch[T]]:
    """Give a `Prefetch`, closed at the end of the block."""
    made = Prefetch(make, start, stop)
    try:
        yield made
    finally:
        made.close()
