"""The Open Inference Protocol as an ASGI application: its paths.

Source: the Open Inference Protocol, version 2, and Triton's extensions; as these say, what is not live or not ready is
told by 400.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from xdn.errors import XdnError
from xdn.serve import documents, metrics
from xdn.serve.front import Front
from xdn.serve.http.body import read_body
from xdn.serve.http.inference import PATH, Inference
from xdn.serve.http.numbers import parsed
from xdn.serve.http.refusals import failed, no_such_path, refused
from xdn.serve.messages import BadRequestError, UnavailableError

#: The most bytes of a request that is not one of inference.
_SMALL_BYTES = 1 << 16


class Application:
    """The routes, and what they share.

    Parameters
    ----------
    front : Front
    """

    def __init__(self, front: Front):
        self._front, self._inference = front, Inference(front)

    def asgi(self) -> ASGIApp:
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
                Route(f"{path}/config", self._configuration),
                Route(f"{path}/ready", self._model_ready),
                Route(f"{path}/stats", self._statistics),
            ]
        handlers = {XdnError: refused, HTTPException: no_such_path, Exception: failed}
        others = Starlette(routes=routes, exception_handlers=handlers)

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            """Answer a request."""
            found = PATH.fullmatch(scope["path"])
            if found is None:
                await others(scope, receive, send)
            else:
                await self._inference.answer(found[1], found[2] or "", scope, receive, send)

        return application

    async def _server(self, request: Request) -> Response:
        return JSONResponse(documents.server())

    async def _live(self, request: Request) -> Response:
        return Response()

    async def _ready(self, request: Request) -> Response:
        return Response(status_code=200 if self._front.engine.ready() else 400)

    async def _metadata(self, request: Request) -> Response:
        return JSONResponse(documents.metadata(self._front.engine.metadata(*_named(request))))

    async def _configuration(self, request: Request) -> Response:
        return JSONResponse(documents.configuration(self._front.engine.metadata(*_named(request))))

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
            limits = replace(self._front.limits, request_bytes=_SMALL_BYTES)
            body = await read_body(dict(request.scope["headers"]), request.receive, limits, holding)
            found = parsed(body)[0] if body else {}
        if not isinstance(found, dict):
            raise BadRequestError("the body is not a JSON object")
        return found


def _named(request: Request) -> tuple[str, str]:
    """Return model and version as the path names them."""
    return request.path_params.get("model", ""), request.path_params.get("version", "")
