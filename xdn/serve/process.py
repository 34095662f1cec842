"""The front's end of a worker process."""

import asyncio
import itertools
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import xdn
from xdn import settings
from xdn.serve.frames import Document, Frame, Wire
from xdn.serve.messages import Tensor

Answer = tuple[Document, list[Tensor]]


class LostError(Exception):
    """The worker has died, and with it what it was asked."""


class Process:
    """A worker process, from its start to its end.

    Parameters
    ----------
    told : callable
        Given each frame that is not an answer, and in the end one of the kind "lost".
    """

    def __init__(self, told: Callable[[Document], None]):
        self._told = told
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._unheard = 0
        self._lost = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, document: Document) -> None:
        """Start the process, and tell it what to serve.

        Raises
        ------
        OSError
            Where the system starts none.
        """
        own, its = socket.socketpair()
        # What this process imports its worker imports, too, and nothing from the working folder.
        path = os.pathsep.join([str(Path(xdn.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        try:
            with its:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", "xdn.serve.worker", str(its.fileno()),
                    pass_fds=(its.fileno(),), env=os.environ | {"PYTHONPATH": path.strip(os.pathsep)},
                )  # fmt: skip
        except BaseException:
            own.close()
            raise
        self.pid = self._process.pid
        self._wire = Wire(own)
        self._wire.put(document)
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._watch())]

    async def ask(self, document: Document, tensors: Sequence[Tensor] = ()) -> Answer:
        """Return the answer to a frame, which may be one that tells an error (`xdn.serve.records.error_of`).

        Raises
        ------
        LostError
            Where the worker has died.
        TooLargeError
            For a frame that the worker would not take.
        """
        if self._lost:
            raise LostError
        number = next(self._numbers)
        future: asyncio.Future[Answer]
        future = self._asked[number] = asyncio.get_running_loop().create_future()
        frame: Frame = []
        try:
            frame = self._wire.put(document | {"number": number}, tensors)
            return await future
        except asyncio.CancelledError:
            self._wire.withdraw(frame)
            self._wire.put({"kind": "cancel", "number": number})
            raise
        finally:
            del self._asked[number]

    async def stop(self, grace_s: float) -> None:
        """Let the worker answer what it has for so many seconds at most, and end it."""
        self._wire.put({"kind": "stop", "grace_s": grace_s})
        await asyncio.wait([asyncio.create_task(self.ended())], timeout=grace_s + settings.SERVED_PING_S)
        self.kill()
        await self.ended()

    def kill(self) -> None:
        """End the process at once, if it lives."""
        if self._process.returncode is None:
            # Its own method would learn of the end of one that has died, of which asyncio then would not.
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def ended(self) -> None:
        """Wait until the process has ended, and all that it has sent is taken."""
        await self._process.wait()
        await asyncio.wait(self._tasks[:1])

    async def _receive(self) -> None:
        """Take what the worker sends, until it ends; what it was asked then is lost."""
        try:
            while True:
                document, tensors = await self._wire.receive()
                self._unheard = 0
                if document["kind"] == "answer":
                    self._answer(document, tensors)
                else:
                    self._told(document)
        except (EOFError, OSError):
            pass
        finally:
            self._lost = True
            self._told({"kind": "lost"})
            self.kill()
            self._wire.close()
            self._tasks[-1].cancel()
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(LostError())

    def _answer(self, document: Document, tensors: list[Tensor]) -> None:
        future = self._asked.get(document["number"])
        if future is not None and not future.done():
            future.set_result((document, tensors))

    async def _watch(self) -> None:
        """Kill a worker that says nothing.

        Time is counted in pings, not by a clock, which also goes on where this process and its worker are stopped for
        a while and then go on, as a frozen container is.
        """
        while self._unheard * settings.SERVED_PING_S < settings.SERVED_SILENCE_S:
            self._wire.put({"kind": "ping"})
            self._unheard += 1
            await asyncio.sleep(settings.SERVED_PING_S)
        self.kill()
