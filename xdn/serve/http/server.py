"""The HTTP server: Uvicorn with limits, started and stopped by the service."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

import uvicorn

from xdn.serve.front import Front
from xdn.serve.http.app import Application
from xdn.serve.http.connection import connections
from xdn.serve.http.logged import Logged


class _Server(uvicorn.Server):
    """A server that leaves signals to the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class HttpServer:
    """The protocol over HTTP on a bound socket.

    Parameters
    ----------
    front : Front
    """

    def __init__(self, front: Front):
        application = Application(front).asgi()
        config = uvicorn.Config(
            Logged(application, front) if front.log else application,
            http=connections(front.limits),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=front.limits.idle_s,
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self, bound: socket.socket) -> None:
        """Listen; returns when clients are answered."""
        # The parts of a response are not held back until the former ones are acknowledged, which takes 40 ms; asyncio
        # sees to that for sockets of its own alone.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._serving = asyncio.ensure_future(self._server.serve(sockets=[bound]))
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0.001)
        if self._serving.done():
            self._serving.result()

    async def stop(self, grace_s: float) -> None:
        """Take no more connections, answer the requests at hand for so many seconds, and end."""
        if self._serving is None:
            return
        self._server.config.timeout_graceful_shutdown = ceil(grace_s)
        self._server.should_exit = True
        await self._serving
