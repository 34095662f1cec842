"""What the protocols share: the engine, limits, what is counted, and threads for what would hold up the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from xdn.serve.limits import Limits, Store
from xdn.serve.messages import Engine
from xdn.serve.metrics import RequestTimes

T = TypeVar("T")

#: More threads would not be faster: Python runs one at a time.
_THREADS = 2
#: Is given a line about each request.
Log = Callable[[str], None]


class Front:
    """The service, as its protocols see it.

    Parameters
    ----------
    engine : Engine
    limits : Limits
    log : callable, optional
        Is given a line about each request.
    """

    def __init__(self, engine: Engine, limits: Limits, log: Log | None = None):
        self.engine, self.limits, self.log = engine, limits, log
        self.store, self.times = Store(max(limits.held_bytes, limits.request_bytes)), RequestTimes()
        self._threads = ThreadPoolExecutor(_THREADS, "xdn-convert")

    async def aside(self, large: bool, work: Callable[[], T]) -> T:
        """Do what takes long, where it is large, in a thread, which the event loop may interrupt."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work) if large else work()

    def tell(self, what: str, status: str, seconds: float) -> None:
        """Log what was asked for, what came of it, and how long that took."""
        if self.log:
            self.log(f"{what} {status} {1e3 * seconds:.1f} ms")
