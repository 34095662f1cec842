"""Requests of inference over HTTP.

There are many of them, and each takes as long as a small net: they pass no routes and no middleware, and have no task
beside the one that answers.
"""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from xdn.errors import XdnError
from xdn.serve.front import Front
from xdn.serve.http.body import Headers, read_body
from xdn.serve.http.connection import CALL, LEAVING
from xdn.serve.http.refusals import failed, no_such_path, refused
from xdn.serve.http.tensors import Wanted, read_request, write_response
from xdn.serve.limits import now
from xdn.serve.messages import BadRequestError, InferRequest, InferResponse

#: The paths of inference: model, and version.
PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")
#: Header that says how many bytes of a body are JSON, and one with the seconds for which an answer is of use.
_JSON_BYTES, _TIMEOUT = b"inference-header-content-length", b"x-request-timeout"
#: From how many bytes of JSON, and values in a response's, a thread reads, or writes, them.
_THREAD_BYTES, _THREAD_VALUES = 1 << 15, 1 << 12
_log = logging.getLogger(__name__)
#: A body: its parts, and how many of its bytes are JSON, None where it has no others.
Body = tuple[Sequence[bytes | memoryview], int | None]


class Inference:
    """Answers requests of inference.

    Parameters
    ----------
    front : Front
    """

    def __init__(self, front: Front):
        self._front = front

    async def answer(self, model: str, version: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for a version of a model, "" for the latest one; nobody answers a client that has left."""
        try:
            if scope["method"] != "POST":
                raise HTTPException(405, headers={"Allow": "POST"})
            with _WhileThere(scope):
                body = await self._body(model, version, dict(scope["headers"]), receive)
        except ClientDisconnect:
            return
        except HTTPException as error:
            await no_such_path(None, error)(scope, receive, send)
        except XdnError as error:
            await refused(None, error)(scope, receive, send)
        except Exception as error:
            _log.exception("a request failed")
            await failed(None, error)(scope, receive, send)
        else:
            await _send(body, send)

    async def _body(self, model: str, version: str, headers: Headers, receive: Receive) -> Body:
        """Return the body of the response."""
        came, limits = now(), self._front.limits
        with self._front.store.holding() as holding:
            json_bytes, timeout_s = _json_bytes(headers), _timeout_s(headers)
            body = await read_body(headers, receive, limits, holding)
            many = len(body) if json_bytes is None else json_bytes
            wanted = await self._front.aside(many > _THREAD_BYTES, partial(read_request, body, json_bytes))
            said, deadline = wanted.request, limits.deadline(came, wanted.timeout_s, timeout_s)
            request = InferRequest(model, said.inputs, version, said.outputs, said.id, deadline)
            answer = await self._front.engine.infer(request)
            written = await self._written(answer, wanted)
            self._front.times.add("http", answer.model, now() - came)
            return written

    async def _written(self, response: InferResponse, wanted: Wanted) -> Body:
        """Return a response as a body."""
        listed = sum(each.data.size for each in response.outputs if not wanted.is_binary(each.name))
        return await self._front.aside(listed > _THREAD_VALUES, partial(write_response, response, wanted))


class _WhileThere:
    """A block that ends with ClientDisconnect when the client leaves.

    Parameters
    ----------
    scope : mapping
        Of the request.
    """

    def __init__(self, scope: Scope):
        self._when_left, self._left = scope["extensions"][LEAVING][CALL], False
        self._task = asyncio.current_task()

    def __enter__(self) -> None:
        self._when_left(self._leave)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._when_left(None)
        if self._left and kind is asyncio.CancelledError:
            raise ClientDisconnect

    def _leave(self) -> None:
        self._left = True
        assert self._task is not None
        self._task.cancel()


async def _send(body: Body, send: Send) -> None:
    """Send a response, whose parts nobody joins."""
    parts, json_bytes = body
    kind = b"application/json" if json_bytes is None else b"application/octet-stream"
    headers = [(b"content-length", b"%d" % sum(map(len, parts))), (b"content-type", kind)]
    if json_bytes is not None:
        headers.append((_JSON_BYTES, b"%d" % json_bytes))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number, part in enumerate(parts, 1):
        await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})


def _json_bytes(headers: Mapping[bytes, bytes]) -> int | None:
    text = headers.get(_JSON_BYTES)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 18:
        raise BadRequestError(f"{_shown(text)} is not a number of bytes", where=_JSON_BYTES.decode())
    return int(text)


def _timeout_s(headers: Mapping[bytes, bytes]) -> float | None:
    text = headers.get(_TIMEOUT)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise BadRequestError(f"{_shown(text)} is not a positive number of seconds", where=_TIMEOUT.decode())
    return seconds


def _shown(text: bytes) -> str:
    return repr(text[:20].decode("latin-1"))
