"""HTTP connections whose clients must be neither slow nor many nor verbose: else the connection is closed."""

import asyncio
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from xdn.serve.limits import Limits

#: The most bytes of a request's line and headers; one chunk of what came from the network may exceed it.
_HEAD_BYTES = 1 << 16
#: Up to so many bytes a part of a response waits for others.
_SMALL_BYTES = 1 << 14
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


#: The extension of ASGI's scope whose CALL is told what to call when the client leaves, None for nothing.
LEAVING, CALL = "xdn.leaving", "call"


def connections(limits: Limits) -> Any:
    """Return what makes the protocol of each connection."""
    return partial(_Connection, limits)


#: Whether to linger, and for how many seconds.
_DROP = struct.pack("ii", 1, 0)


class _Clock:
    """Calls something after some time, unless it is stopped before."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    @property
    def runs(self) -> bool:
        """Whether it was started, and not stopped."""
        return self._timer is not None

    def start(self, seconds: float, call: Callable[[], None]) -> None:
        """Begin to wait."""
        self.stop()
        self._timer = self._loop.call_later(seconds, call)

    def stop(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Gathering:
    """A transport that sends the small parts of a response, such as its head, together: each call of the system counts.

    Parameters
    ----------
    loop : event loop
    transport : transport
        That sends.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport):
        self._loop, self._transport = loop, transport
        self._small: list[bytes | memoryview] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes | memoryview) -> None:
        """Send some bytes: at once where they are many, else at the end of this turn of the event loop."""
        if len(data) > _SMALL_BYTES:
            self._flush()
            self._transport.write(data)
            return
        if not self._small:
            self._loop.call_soon(self._flush)
        self._small.append(data)

    def close(self) -> None:
        """Close when all is sent."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        small, self._small = self._small, []
        if small:
            self._transport.write(b"".join(small))


class _Connection(HttpToolsProtocol):
    """A connection with the limits that Uvicorn does not have.

    The head of a request must be there `receive_s` after its first byte and have a bounded size; the application
    bounds its body. Where an answer was given before the whole body came, the rest of the body is passed over for as
    long: a client that does not read before it has sent everything sees the answer, too. An answer must be taken
    within `send_s`.
    """

    def __init__(self, limits: Limits, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._limits = limits
        self._receiving, self._sending = _Clock(self.loop), _Clock(self.loop)
        self._head_bytes = 0
        self._left: Callable[[], None] | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a client, unless there are too many."""
        super().connection_made(cast(asyncio.Transport, _Gathering(self.loop, transport)))
        if len(self.connections) > self._limits.connections:
            transport.write(_FULL)
            transport.close()
        else:
            self._receiving.start(self._limits.receive_s, self._abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks."""
        self._receiving.stop()
        self._sending.stop()
        super().connection_lost(exc)
        # Uvicorn lets that of an idle connection run on where the client has reset it.
        self._unset_keepalive_if_required()
        if self._left is not None:
            self._left()

    def data_received(self, data: bytes) -> None:
        """Read on, and look at the clock."""
        if self.transport.is_closing():
            return
        passed_over = self.cycle is not None and self.cycle.response_complete and self.cycle.more_body
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._receiving.stop()
            self._head_bytes = 0
            return
        if not self._receiving.runs:
            self._receiving.start(self._limits.receive_s, self._abort)
        self._head_bytes += 0 if passed_over else len(data)
        if self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """Begin a request, which may ask to be told when the client leaves."""
        super().on_message_begin()
        self.scope["extensions"] = {LEAVING: {CALL: self._when_left}}

    def _when_left(self, call: Callable[[], None] | None) -> None:
        self._left = call

    def on_message_complete(self) -> None:
        """Notice the end of a body that was passed over."""
        self.cycle.more_body = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not take what it is sent."""
        super().pause_writing()
        self._sending.start(self._limits.send_s, self._abort)

    def resume_writing(self) -> None:
        """End that wait."""
        self._sending.stop()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also where the client has not taken the last answer."""
        self._abort()

    def _abort(self) -> None:
        """Close at once; what was not taken is dropped, by the system, too, which else would go on offering it."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
        self.transport.abort()
