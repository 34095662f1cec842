"""The service as a whole: an engine, and the protocols in front of it, started and stopped together."""

import asyncio
import socket

from xdn.errors import SettingError
from xdn.serve.front import Front
from xdn.serve.grpc.server import GrpcServer
from xdn.serve.http.server import HttpServer
from xdn.serve.limits import now

#: Connections that wait to be accepted, at most.
_BACKLOG = 1024
#: For how long answers are sent at least when the service stops, in seconds.
_SENDING_S = 1.0


class Service:
    """Answers requests from `start` to `stop`.

    Parameters
    ----------
    front : Front
        With the engine.
    host : str
        Where clients may come from: 127.0.0.1 is this machine alone.
    http_port : int
        0 lets the system choose; `start` sets it to the chosen one.
    grpc_port : int, optional
        The same; None for no gRPC.
    """

    def __init__(self, front: Front, host: str, http_port: int, grpc_port: int | None):
        self._front, self.host, self.http_port, self.grpc_port = front, host, http_port, grpc_port
        self._http, self._grpc = HttpServer(front), GrpcServer(front)

    async def start(self) -> None:
        """Listen, then load the models: meanwhile the service is live, and not ready.

        Raises
        ------
        SettingError
            Where a port cannot be listened at.
        """
        try:
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            bound = socket.create_server((self.host, self.http_port), family=family, backlog=_BACKLOG)
            self.http_port = bound.getsockname()[1]
            await self._http.start(bound)
            if self.grpc_port is not None:
                host = f"[{self.host}]" if family == socket.AF_INET6 else self.host
                self.grpc_port = await self._grpc.start(f"{host}:{self.grpc_port}")
        except OSError as error:
            await self._http.stop(0.0)
            what = f"cannot listen at {self.host}: {error.strerror or error}"
            raise SettingError(what, mend="Choose other ports by --http-port and --grpc-port") from None
        await self._front.engine.start()

    async def stop(self, grace_s: float) -> None:
        """Answer what is at hand for so many seconds, refuse what comes meanwhile, and end."""
        until = now() + grace_s
        await self._front.engine.stop(grace_s)
        # What is answered is sent; clients that send, or take, slowly have what the engine left of the time.
        left_s = max(_SENDING_S, until - now())
        await asyncio.gather(self._grpc.stop(left_s), self._http.stop(left_s))
