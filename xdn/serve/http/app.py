"""The Open Inference Protocol as an ASGI application: paths, status codes, and when the event loop is left alone.

Source: the Open Inference Protocol, version 2, and Triton's extensions; as these say, what is not live or not ready is
told by 400.
"""

import asyncio
import json
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from xdn.errors import XdnError
from xdn.serve import documents, metrics
from xdn.serve.front import Front
from xdn.serve.http.body import SlowClientError, read_body
from xdn.serve.http.numbers import parsed
from xdn.serve.http.tensors import Wanted, read_request, write_response
from xdn.serve.limits import now
from xdn.serve.messages import (
    BadRequestError,
    InferResponse,
    OverloadedError,
    TimeLimitError,
    TooLargeError,
    UnavailableError,
    UnknownModelError,
)

T = TypeVar("T")

#: Class of error -> status code; anything else is a defect, or of the model that was to be loaded.
STATUS: Mapping[type[Exception], int] = {
    BadRequestError: 400,
    UnknownModelError: 404,
    SlowClientError: 408,
    TooLargeError: 413,
    OverloadedError: 429,
    UnavailableError: 503,
    TimeLimitError: 504,
}
#: Status code -> what the client is told to do.
_HEADERS: Mapping[int, Mapping[str, str]] = {
    408: {"Connection": "close"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "1"},
}
#: Of a client that left before it was answered; nobody sees it but the log.
_CLIENT_LEFT = 499
#: Header that says how many bytes of a body are JSON, and one with the seconds for which an answer is of use.
_JSON_BYTES, _TIMEOUT = "Inference-Header-Content-Length", "X-Request-Timeout"
#: From how many bytes of JSON, and values in a response's, a thread reads, or writes, them.
_THREAD_BYTES, _THREAD_VALUES = 1 << 15, 1 << 12
#: The most bytes of a request that is not one of inference.
_SMALL_BYTES = 1 << 16


class Application:
    """The routes, and what they share.

    Parameters
    ----------
    front : Front
    """

    def __init__(self, front: Front):
        self._front = front

    def asgi(self) -> Starlette:
        """Return the application."""
        routes = [
            Route("/v2", self._server),
            Route("/v2/health/live", self._live),
            Route("/v2/health/ready", self._ready),
            Route("/v2/models/stats", self._statistics),
            Route("/v2/repository/index", self._index, methods=["POST", "GET"]),
            Route("/v2/repository/models/{model}/load", self._load, methods=["POST"]),
            Route("/v2/repository/models/{model}/unload", self._unload, methods=["POST"]),
            Route("/metrics", self._metrics),
        ]
        for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            routes += [
                Route(path, self._metadata),
                Route(f"{path}/ready", self._model_ready),
                Route(f"{path}/infer", self._infer, methods=["POST"]),
                Route(f"{path}/stats", self._statistics),
            ]
        return Starlette(
            routes=routes,
            exception_handlers={XdnError: _refused, HTTPException: _no_such_path, Exception: _failed},
        )

    async def _server(self, request: Request) -> Response:
        return JSONResponse(documents.server())

    async def _live(self, request: Request) -> Response:
        return Response()

    async def _ready(self, request: Request) -> Response:
        return Response(status_code=200 if self._front.engine.ready() else 400)

    async def _metadata(self, request: Request) -> Response:
        return JSONResponse(documents.metadata(self._front.engine.metadata(*_named(request))))

    async def _model_ready(self, request: Request) -> Response:
        try:
            self._front.engine.metadata(*_named(request))
        except UnavailableError:
            return Response(status_code=400)
        return Response()

    async def _statistics(self, request: Request) -> Response:
        found = self._front.engine.statistics(*_named(request))
        return JSONResponse({"model_stats": [documents.statistics(each) for each in found]})

    async def _index(self, request: Request) -> Response:
        ready_only = (await self._small(request)).get("ready") is True
        return JSONResponse(documents.index(self._front.engine.index(), ready_only))

    async def _load(self, request: Request) -> Response:
        if (await self._small(request)).get("parameters"):
            raise BadRequestError("models are loaded as they stand in the repository", where="parameters")
        await self._front.engine.load(request.path_params["model"])
        return Response()

    async def _unload(self, request: Request) -> Response:
        await self._small(request)
        await self._front.engine.unload(request.path_params["model"])
        return Response()

    async def _metrics(self, request: Request) -> Response:
        return PlainTextResponse(metrics.text(self._front.engine, self._front.times), media_type=metrics.MEDIA_TYPE)

    async def _small(self, request: Request) -> Mapping[str, Any]:
        """Return the JSON object that is the body of a request that needs none."""
        with self._front.store.holding() as holding:
            body = await read_body(request, replace(self._front.limits, request_bytes=_SMALL_BYTES), holding)
            found = parsed(body)[0] if body else {}
        if not isinstance(found, dict):
            raise BadRequestError("the body is not a JSON object")
        return found

    async def _infer(self, request: Request) -> Response:
        came = now()
        try:
            with self._front.store.holding() as holding:
                json_bytes, timeout_s = _json_bytes(request), _timeout_s(request)
                body = await read_body(request, self._front.limits, holding)
                many = len(body) if json_bytes is None else json_bytes
                wanted = await self._front.aside(many > _THREAD_BYTES, partial(read_request, body, json_bytes))
                model, version = _named(request)
                deadline = self._front.limits.deadline(came, wanted.timeout_s, timeout_s)
                asked = replace(wanted.request, model=model, version=version, deadline=deadline)
                answer = await _unless_left(request, self._front.engine.infer(asked))
                written = await self._written(answer, wanted)
                self._front.times.add("http", answer.model, now() - came)
                return written
        except ClientDisconnect:
            return Response(status_code=_CLIENT_LEFT)

    async def _written(self, response: InferResponse, wanted: Wanted) -> Response:
        """Return a response as a body."""
        listed = sum(each.data.size for each in response.outputs if not wanted.is_binary(each.name))
        write = partial(write_response, response, wanted)
        return _Parts(*(await self._front.aside(listed > _THREAD_VALUES, write)))


class _Parts(Response):
    """A response whose body is in parts, which nobody joins.

    Parameters
    ----------
    parts : sequence of bytes
    json_bytes : int, optional
        How many of them are JSON; all where it is not given.
    """

    def __init__(self, parts: Sequence[bytes | memoryview], json_bytes: int | None):
        headers = {"Content-Length": str(sum(map(len, parts)))}
        if json_bytes is not None:
            headers[_JSON_BYTES] = str(json_bytes)
        kind = "application/json" if json_bytes is None else "application/octet-stream"
        super().__init__(None, headers=headers, media_type=kind)
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for part in self._parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _named(request: Request) -> tuple[str, str]:
    """Return model and version as the path names them."""
    return request.path_params.get("model", ""), request.path_params.get("version", "")


def _json_bytes(request: Request) -> int | None:
    text = request.headers.get(_JSON_BYTES)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise BadRequestError(f"{text[:20]!r} is not a number of bytes", where=_JSON_BYTES)
    return int(text)


def _timeout_s(request: Request) -> float | None:
    text = request.headers.get(_TIMEOUT)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise BadRequestError(f"{text[:20]!r} is not a positive number of seconds", where=_TIMEOUT)
    return seconds


async def _unless_left(request: Request, answer: Awaitable[T]) -> T:
    """Return what comes of `answer`; it is cancelled, and ClientDisconnect raised, where the client leaves."""
    answering, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            return answering.result()
        raise ClientDisconnect
    finally:
        answering.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    """Return when the client has left; its whole body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refused(request: Request, error: Exception) -> Response:
    """Answer with a typed error."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    # As ASCII: names in it may have what UTF-8 has not, which JSON has as half an escape.
    text = json.dumps({"error": str(error)})
    return Response(text, status, _HEADERS.get(status, {}), "application/json")


def _no_such_path(request: Request, error: Exception) -> Response:
    """Answer to an unknown path, or another method than it has."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _failed(request: Request, error: Exception) -> Response:
    """Answer where something unforeseen happened, which the log tells and the client does not see."""
    return JSONResponse({"error": "internal error"}, 500)
