"""Frames between the front of a service and its worker, over a pair of sockets.

::

    frame:  length of the description (4 bytes), length of the tensors (8 bytes), little-endian
            the description: a JSON object; "tensors" in it has name, datatype, shape and bytes of each
            the tensors' binary forms, one after the other (`xdn.serve.datatypes`)

Arrays are sent from where they lie, and received into one buffer of which they are views.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

from xdn import settings
from xdn.serve.datatypes import from_raw, to_raw
from xdn.serve.messages import Tensor, TooLargeError

_LENGTHS = struct.Struct("<IQ")
#: Up to so many bytes parts of a frame are sent as one.
_SMALL_BYTES = 1 << 16

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
        self._unsent: asyncio.Queue[Frame] = asyncio.Queue()
        self._sender = self._loop.create_task(self._send())

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
        description = json.dumps(document | {"tensors": told}, separators=(",", ":")).encode()
        size = sum(part.nbytes for part in raw)
        if not _bounded(len(description), size):
            raise TooLargeError(
                f"{size} bytes of tensors, and {len(description)} of what is said of them, are too many"
            )
        parts: Frame = [_LENGTHS.pack(len(description), size) + description, *raw]
        frame: Frame = [b"".join(parts)] if size <= _SMALL_BYTES else parts
        self._unsent.put_nowait(frame)
        return frame

    def withdraw(self, frame: Frame) -> None:
        """Do without a frame, unless it is being sent already, and with the memory that it takes."""
        frame.clear()

    async def sent(self) -> None:
        """Wait until all frames are sent that were put."""
        await self._unsent.join()

    async def receive(self) -> tuple[Document, list[Tensor]]:
        """Return the next frame.

        Raises
        ------
        EOFError
            Where the other end is closed, or sent what is not a frame.
        """
        length, size = _LENGTHS.unpack(await self._received(_LENGTHS.size))
        if not _bounded(length, size):
            raise EOFError(f"a frame of {length} and {size} bytes")
        document = json.loads(await self._received(length))
        raw = memoryview(await self._received(size))
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

    async def _received(self, size: int) -> bytearray:
        """Return the next bytes."""
        buffer = bytearray(size)
        at, view = 0, memoryview(buffer)
        while at < size:
            try:
                count = await self._loop.sock_recv_into(self._end, view[at:])
            except ConnectionError:
                count = 0
            if not count:
                raise EOFError("the other end is closed")
            at += count
        return buffer

    async def _send(self) -> None:
        """Send what is put, and drop it once the other end is closed: who receives notices that."""
        open_ = True
        while True:
            for part in tuple(await self._unsent.get()):
                try:
                    if open_:
                        await self._loop.sock_sendall(self._end, part)
                except OSError:
                    open_ = False
            part = b""  # what was sent is not kept while nothing else is
            self._unsent.task_done()
