"""Messages of gRPC on their way: how long they may take, and how much memory they may take meanwhile.

gRPC gives a message once it is there as a whole, and keeps what came of it until then, as much as the largest message
has: nobody can see how much that is. Most are there at once. One that is not is counted as the largest, as long as it
takes to come, and so is a stream whose client sends nothing: it may begin to at any time.
"""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

from xdn.serve.limits import Limits, Store
from xdn.serve.messages import BadRequestError, OverloadedError, TimeLimitError


class Receiving:
    """Receives the messages of all calls.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits):
        self._limits = limits
        self._store = Store(max(limits.receiving_bytes, limits.request_bytes))

    async def only(self, messages: AsyncIterator[bytes]) -> bytes:
        """Return the message of a call that has one.

        Raises
        ------
        TimeLimitError, OverloadedError
            Where it does not come in time, or too many others do not come at once either.
        BadRequestError
            Where there is none.
        """
        found = await self._next(messages, self._limits.receive_s)
        if found is None:
            raise BadRequestError("the call has no message")
        return found

    async def all(self, messages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Give the messages of a stream, with as much time for each as idle connections have; errors as of `only`."""
        while (found := await self._next(messages, self._limits.idle_s)) is not None:
            yield found

    async def _next(self, messages: AsyncIterator[bytes], limit_s: float) -> bytes | None:
        """Return the next message, None at the end."""
        try:
            async with asyncio.timeout(limit_s):
                with _Slow(self._store, self._limits):
                    return await anext(messages)
        except TimeoutError:
            raise TimeLimitError(f"the request did not come within {limit_s:g} s") from None
        except StopAsyncIteration:
            return None


class _Slow:
    """A block that is counted in a store once it takes long, and ends with OverloadedError where there is no room.

    Parameters
    ----------
    store : Store
    limits : Limits
    """

    def __init__(self, store: Store, limits: Limits):
        self._holding, self._limits, self._refused = store.holding(), limits, False
        self._task = asyncio.current_task()

    def __enter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._limits.at_once_s, self._count)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._holding.__exit__()
        if self._refused and kind is asyncio.CancelledError:
            assert self._task is not None
            self._task.uncancel()
            raise OverloadedError("too many requests are on their way", mend="Try again later")

    def _count(self) -> None:
        try:
            self._holding.add(self._limits.request_bytes)
        except OverloadedError:
            self._refused = True
            assert self._task is not None
            self._task.cancel()
