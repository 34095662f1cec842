"""Frames between the front of a service and its worker, over a pair of sockets.

::

    frame:  length of the description (4 bytes), length of the tensors (8 bytes), little-endian
            the description: a JSON object; "tensors" in it has name, datatype, shape and bytes of each
            the tensors' binary forms, one after the other (`xdn.serve.datatypes`)

Small frames travel together: those that were put in one turn of the event loop are sent by one call of the system, and
received by one. Large arrays are sent from where they lie, and received into one buffer of which they are views.
"""

import asyncio
import json
import socket
import struct
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from xdn import settings
from xdn.serve.datatypes import from_raw, to_raw
from xdn.serve.messages import Tensor, TooLargeError

_LENGTHS = struct.Struct("<IQ")
#: Up to so many bytes of frames are sent as one, and received at a time.
_SMALL_BYTES = 1 << 18
_as_json = json.JSONEncoder(separators=(",", ":")).encode

Document = dict[str, Any]
#: The parts that are sent.
Frame = list[bytes | memoryview]


def _bounded(length: int, size: int) -> bool:
    """Return whether a frame with such a description and tensors is taken."""
    return length <= settings.MAX_FRAME_HEADER_BYTES and size <= settings.MAX_FRAME_BYTES


class Wire:
    """One end of the pair, in the running event loop.

    Parameters
    ----------
    end : socket
        Of a pair of stream sockets.
    """

    def __init__(self, end: socket.socket):
        end.setblocking(False)
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._unsent: deque[Frame] = deque()
        self._something, self._nothing = asyncio.Event(), asyncio.Event()
        self._nothing.set()
        self._sender = self._loop.create_task(self._send())
        self._incoming = _Incoming(end)

    def put(self, document: Document, tensors: Sequence[Tensor] = ()) -> Frame:
        """Send a frame, after those that were put before, and return it; what cannot be sent any more is dropped.

        Raises
        ------
        TooLargeError
            Where the other end would not take it.
        """
        raw = [to_raw(tensor.data) for tensor in tensors]
        told = [
            {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape, "bytes": part.nbytes}
            for tensor, part in zip(tensors, raw, strict=True)
        ]
        description = _as_json(document | {"tensors": told}).encode()
        size = sum(part.nbytes for part in raw)
        if not _bounded(len(description), size):
            raise TooLargeError(
                f"{size} bytes of tensors, and {len(description)} of what is said of them, are too many"
            )
        frame: Frame = [_LENGTHS.pack(len(description), size) + description, *raw]
        self._unsent.append(frame)
        self._something.set()
        self._nothing.clear()
        return frame

    def withdraw(self, frame: Frame) -> None:
        """Do without a frame, unless it is being sent already, and with the memory that it takes."""
        frame.clear()

    async def sent(self) -> None:
        """Wait until all frames are sent that were put."""
        await self._nothing.wait()

    async def receive(self) -> tuple[Document, list[Tensor]]:
        """Return the next frame.

        Raises
        ------
        EOFError
            Where the other end is closed, or sent what is not a frame.
        """
        length, size = _LENGTHS.unpack(await self._incoming.take(_LENGTHS.size))
        if not _bounded(length, size):
            raise EOFError(f"a frame of {length} and {size} bytes")
        document = json.loads(await self._incoming.take(length))
        raw = memoryview(await self._incoming.take(size))
        tensors, at = [], 0
        for each in document.pop("tensors"):
            part = raw[at : at + each["bytes"]]
            tensors.append(from_raw(each["name"], each["datatype"], each["shape"], part))
            at += part.nbytes
        return document, tensors

    def close(self) -> None:
        """Close this end."""
        self._sender.cancel()
        self._end.close()

    async def _send(self) -> None:
        """Send what is put."""
        while True:
            await self._something.wait()
            await self._send_parts(self._next_parts())
            if not self._unsent:
                self._something.clear()
                self._nothing.set()

    def _next_parts(self) -> Frame:
        """Return what is sent next: a large frame in its parts, or small ones as one."""
        parts = list(self._unsent.popleft())
        size = sum(map(len, parts))
        if size > _SMALL_BYTES:
            return parts
        while self._unsent and (size := size + sum(map(len, self._unsent[0]))) <= _SMALL_BYTES:
            parts += self._unsent.popleft()
        return [b"".join(parts)]

    async def _send_parts(self, parts: Frame) -> None:
        """Send some parts, and drop them once the other end is closed: who receives notices that."""
        with suppress(OSError):
            for part in parts:
                await self._loop.sock_sendall(self._end, part)


class _Incoming:
    """What comes on a socket: received in large parts, and taken in small ones.

    Parameters
    ----------
    end : socket
    """

    def __init__(self, end: socket.socket):
        self._end, self._loop = end, asyncio.get_running_loop()
        self._buffer = memoryview(bytearray(_SMALL_BYTES))
        self._first = self._last = 0

    async def take(self, size: int) -> bytearray:
        """Return the next bytes; EOFError where the other end is closed before."""
        if size > len(self._buffer):
            return await self._taken_large(size)
        if size > self._last - self._first:
            await self._fill(size)
        self._first += size
        return bytearray(self._buffer[self._first - size : self._first])

    async def _taken_large(self, size: int) -> bytearray:
        """Return more bytes than the buffer holds, received where they stay."""
        found = bytearray(size)
        at, view = self._last - self._first, memoryview(found)
        view[:at] = self._buffer[self._first : self._last]
        self._first = self._last = 0
        while at < size:
            at += await self._receive(view[at:])
        return found

    async def _fill(self, size: int) -> None:
        """Receive until there are so many bytes; others have their turn first."""
        await asyncio.sleep(0)
        kept = self._last - self._first
        self._buffer[:kept] = self._buffer[self._first : self._last]
        self._first, self._last = 0, kept
        while self._last < size:
            self._last += await self._receive(self._buffer[self._last :])

    async def _receive(self, place: memoryview) -> int:
        """Return how many bytes came, at least one."""
        try:
            count = await self._loop.sock_recv_into(self._end, place)
        except ConnectionError:
            count = 0
        if not count:
            raise EOFError("the other end is closed")
        return count
