"""Make the next batches while the last one is used; the order is that of their numbers."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

#: Batches that wait.
DEPTH = 4


@contextmanager
def prefetched(make: Callable[[int], T], start: int, stop: int) -> Iterator[Iterator[T]]:
    """Give ``make(start)``, ``make(start + 1)``, ..., ``make(stop - 1)``, made by one thread ahead of need.

    The thread has ended at the end of the block; an error in it is raised where its batch would come.
    """
    indices = range(start, stop)
    with ThreadPoolExecutor(1, "xdn-prefetch") as pool:
        waiting = deque(pool.submit(make, index) for index in indices[:DEPTH])

        def each() -> Iterator[T]:
            """Yield what was made first, and have one more made."""
            for index in indices:
                made = waiting.popleft().result()
                if index + DEPTH in indices:
                    waiting.append(pool.submit(make, index + DEPTH))
                yield made

        try:
            yield each()
        finally:
            pool.shutdown(cancel_futures=True)
