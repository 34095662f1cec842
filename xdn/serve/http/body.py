"""Bodies of HTTP requests, bounded in bytes, also after decompression, and in the seconds that they take to come."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from xdn.serve.limits import Holding, Limits
from xdn.serve.messages import BadRequestError, ServeError, TooLargeError

#: What is decompressed at a time; between two such parts other requests have their turn.
_PART_BYTES = 1 << 20
#: `zlib` finds out by itself which of both formats it is.
_ENCODINGS = ("gzip", "deflate")
_ANY_WINDOW = 32 + zlib.MAX_WBITS


#: The headers of a request, names in lower case; of several of the same name the last one.
Headers = Mapping[bytes, bytes]


class SlowClientError(ServeError):
    """The body did not come within the time that is given for it: HTTP 408."""


async def read_body(headers: Headers, receive: Receive, limits: Limits, holding: Holding) -> bytearray:
    """Return the body of a request, decompressed.

    Parameters
    ----------
    headers : mapping
    receive : callable
        Gives the request's messages, as of ASGI.
    limits : Limits
    holding : Holding

    Raises
    ------
    TooLargeError
        Where it has, or says that it has, more bytes than `limits.request_bytes`; the rest is not read.
    SlowClientError
        Where it did not come within `limits.receive_s`.
    OverloadedError
        Where all requests at hand have too many bytes.
    ClientDisconnect
        Where the client left.
    """
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and len(declared) < 20:
        _check_size(int(declared), limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.receive_s):
            async for part in _decoded(headers, receive):
                _check_size(len(body) + len(part), limits)
                holding.add(len(part))
                body += part
    except TimeoutError:
        raise SlowClientError(f"the body did not come within {limits.receive_s:g} s") from None
    return body


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.request_bytes:
        raise TooLargeError(f"the request has {size} bytes or more; at most {limits.request_bytes} are read")


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Give what comes; ClientDisconnect where the client leaves before the end."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message["body"]
        more = message["more_body"]


async def _decoded(headers: Headers, receive: Receive) -> AsyncIterator[bytes]:
    """Give a body's parts as they come."""
    encoding = headers.get(b"content-encoding", b"identity").lower().decode("latin-1")
    if encoding == "identity":
        async for chunk in _chunks(receive):
            yield chunk
        return
    if encoding not in _ENCODINGS:
        raise BadRequestError(f"unknown Content-Encoding {encoding[:20]!r}", mend=f"Known: {', '.join(_ENCODINGS)}")
    inflater = zlib.decompressobj(_ANY_WINDOW)
    async for chunk in _chunks(receive):
        for part in _inflated(inflater, chunk):
            yield part
            await asyncio.sleep(0)
    if not inflater.eof:
        raise BadRequestError("the compressed body does not end")


def _inflated(inflater: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    """Give what a chunk holds, in parts of a bounded size; what follows the end of the data is refused."""
    while chunk:
        try:
            yield inflater.decompress(chunk, _PART_BYTES)
        except zlib.error:
            raise BadRequestError("the body is not compressed as its Content-Encoding says") from None
        if inflater.unused_data:
            raise BadRequestError("there are bytes after the compressed body")
        chunk = inflater.unconsumed_tail
