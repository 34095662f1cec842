"""The process that holds the sessions of a service: `python -m xdn.serve.worker FD`, started by its front.

It answers frames on the socket FD (`xdn.serve.frames`) by a `LocalEngine`, and ends when that is closed.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from xdn.serve.engine import LocalEngine
from xdn.serve.frames import Document, Wire
from xdn.serve.messages import ServeError, Tensor
from xdn.serve.options import EngineOptions
from xdn.serve.records import catalog_document, error_document, request_of, statistics_document
from xdn.serve.repository import Repository

log = logging.getLogger(__name__)
#: For how long the thread that runs batches may wait for Python's lock, in seconds.
_SWITCH_S = 0.0005
#: How long statistics may be on their way, in seconds.
_STATISTICS_S = 0.05


class Worker:
    """Answers the front's frames.

    Parameters
    ----------
    wire : Wire
    engine : LocalEngine
    """

    def __init__(self, wire: Wire, engine: LocalEngine):
        self._wire, self._engine = wire, engine
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._telling: asyncio.TimerHandle | None = None

    async def serve(self) -> None:
        """Start the engine, and answer until the front stops it, or is gone.

        Raises
        ------
        ExceptionGroup
            Of what kept the engine from starting.
        """
        try:
            async with asyncio.TaskGroup() as group:
                starting = group.create_task(self._start())
                grace_s = await self._until_stop()
                starting.cancel()
        except* EOFError:  # the front is gone, and with it all who would read an answer
            os._exit(1)
        await self._engine.stop(grace_s)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tell_statistics()
        await self._wire.sent()

    async def _start(self) -> None:
        await self._engine.start()
        self._tell_catalog()
        self._wire.put({"kind": "started"})

    async def _until_stop(self) -> float:
        """Answer frames until one tells to stop; return the seconds that it gives."""
        while True:
            document, tensors = await self._wire.receive()
            if document["kind"] == "stop":
                return float(document["grace_s"])
            self._take(document, tensors)

    def _take(self, document: Document, tensors: list[Tensor]) -> None:
        """Begin to answer a frame."""
        kind, number = document["kind"], document.get("number", 0)
        if kind == "ping":
            self._wire.put({"kind": "pong", "running_s": self._engine.running_s()})
        elif kind == "cancel":
            if number in self._tasks:
                self._tasks[number].cancel()
        else:
            if kind == "infer":
                work = partial(self._infer, number, document, tensors)
            else:
                work = partial(self._change, number, document)
            self._tasks[number] = asyncio.create_task(self._answered(number, work))
            # A task that is cancelled before its first step takes none.
            self._tasks[number].add_done_callback(lambda _: self._tasks.pop(number))

    async def _answered(self, number: int, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work; the front hears of what goes wrong in it, and of the statistics, which it changes."""
        self._tell_statistics_soon()
        try:
            await work()
        except Exception as error:  # also of a fault of the service: the front must hear of it
            if not isinstance(error, ServeError):
                log.exception("the service failed")
            self._wire.put({"kind": "answer", "number": number} | error_document(error))
        finally:
            self._tell_statistics_soon()

    async def _infer(self, number: int, document: Document, tensors: list[Tensor]) -> None:
        response = await self._engine.infer(request_of(document, tensors))
        said = {"model": response.model, "version": response.version}
        self._wire.put({"kind": "answer", "number": number} | said, response.outputs)

    async def _change(self, number: int, document: Document) -> None:
        """Load or unload a model."""
        change = self._engine.load if document["kind"] == "load" else self._engine.unload
        try:
            await change(document["model"])
        finally:
            self._tell_catalog()
        self._wire.put({"kind": "answer", "number": number})

    def _tell_catalog(self) -> None:
        self._wire.put({"kind": "catalog"} | catalog_document(self._engine.index(), self._engine.all_metadata()))

    def _tell_statistics_soon(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(_STATISTICS_S, self._tell_statistics)

    def _tell_statistics(self) -> None:
        self._telling = None
        self._wire.put({"kind": "statistics", "statistics": statistics_document(self._engine.statistics())})


async def _serve(descriptor: int) -> None:
    """Serve on a socket, whose first frame says what."""
    with socket.socket(fileno=descriptor) as end:
        wire = Wire(end)
        document, _ = await wire.receive()
        options = EngineOptions(**document["options"])
        repository = Repository(Path(document["root"]), document["single"])

        def loading(model: str) -> None:
            """Tell the front which model is being loaded."""
            wire.put({"kind": "loading", "model": model})

        engine = LocalEngine(repository, options, document["without"], loading)
        await Worker(wire, engine).serve()


def main(descriptor: str) -> None:
    """Serve, and end with the front."""
    # Ctrl-C reaches all processes of a terminal; the front says when its worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(_SWITCH_S)
    asyncio.run(_serve(int(descriptor)))
    # All is answered; a model that is being loaded meanwhile is not waited for.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
