"""The gRPC server: the protocol's calls, their status codes, and what clients may take."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import grpc

from xdn.errors import XdnError
from xdn.serve import documents
from xdn.serve.front import Front
from xdn.serve.grpc.proto import Method, service
from xdn.serve.grpc.receiving import Receiving
from xdn.serve.grpc.tensors import parameters_of, read_message, read_request, write_response
from xdn.serve.limits import now
from xdn.serve.messages import (
    BadRequestError,
    OverloadedError,
    TimeLimitError,
    TooLargeError,
    UnavailableError,
    UnknownModelError,
)
from xdn.serve.parameters import timeout_s

#: Class of error -> status; anything else is a defect, or of the model that was to be loaded.
STATUS: Mapping[type[Exception], grpc.StatusCode] = {
    BadRequestError: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownModelError: grpc.StatusCode.NOT_FOUND,
    TooLargeError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnavailableError: grpc.StatusCode.UNAVAILABLE,
    TimeLimitError: grpc.StatusCode.DEADLINE_EXCEEDED,
}
#: A status travels in a header, whose size is limited.
_DETAILS_CHARACTERS = 1000
#: From how many bytes a message is made a request in a thread, where the event loop may interrupt it.
_THREAD_BYTES = 1 << 18
#: How often, and for how long, an idle client is asked whether it is still there.
_PING_MS, _PING_WAIT_MS = 60_000, 20_000
_log = logging.getLogger(__name__)

#: A message: its bytes in all, and what they say.
Received = tuple[int, Any]
#: What answers a call of one message; what it returns is the response, or its fields.
Call = Callable[[Received, Any], Awaitable[Any]]


class GrpcServer:
    """The protocol over gRPC.

    Parameters
    ----------
    front : Front
    """

    def __init__(self, front: Front):
        self._front, self._receiving = front, Receiving(front.limits)
        self._server: grpc.aio.Server | None = None

    async def start(self, address: str) -> int:
        """Listen at ``host:port``; return the port, which the system chooses where it is 0.

        Raises
        ------
        OSError
            Where the port is not free.
        """
        options = {
            "grpc.max_receive_message_length": self._front.limits.request_bytes,
            "grpc.max_send_message_length": -1,
            "grpc.so_reuseport": 0,
            "grpc.keepalive_time_ms": _PING_MS,
            "grpc.keepalive_timeout_ms": _PING_WAIT_MS,
            "grpc.max_connection_idle_ms": 1000 * self._front.limits.idle_s,
        }
        self._server = grpc.aio.server(
            options=list(options.items()), maximum_concurrent_rpcs=self._front.limits.connections
        )
        self._server.add_generic_rpc_handlers((self._handlers(),))
        try:
            port = int(self._server.add_insecure_port(address))
        except RuntimeError:
            raise OSError(f"cannot listen at {address}") from None
        await self._server.start()
        return port

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, answer those at hand for so many seconds, and end."""
        if self._server is not None:
            await self._server.stop(grace_s)

    def _handlers(self) -> grpc.GenericRpcHandler:
        """Return what answers the calls.

        One of a single message is served as a stream of one, which is the same on the wire: how long the message may
        take to come is bounded so.
        """
        calls: dict[str, Call] = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._metadata,
            "ModelConfig": self._configuration,
            "ModelInfer": self._infer,
            "ModelStatistics": self._statistics,
            "RepositoryIndex": self._index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }
        handlers = {}
        for method in service().methods:
            # Messages are read once their bytes are held.
            forms = None, method.response.SerializeToString
            if method.streams:
                handlers[method.name] = grpc.stream_stream_rpc_method_handler(partial(self._stream, method), *forms)
            else:
                answer = partial(self._answer, method, calls[method.name])
                handlers[method.name] = grpc.stream_unary_rpc_method_handler(answer, *forms)
        return grpc.method_handlers_generic_handler(service().name, handlers)

    async def _answer(self, method: Method, call: Call, messages: AsyncIterator[bytes], context: Any) -> Any:
        """Answer a call of one message."""
        came, status = now(), "CANCELLED"
        try:
            content = await self._receiving.only(messages)
            with self._front.store.holding() as holding:
                holding.add(len(content))
                found = await call((len(content), read_message(method.request, content)), context)
            status = "OK"
            return method.response(**found) if isinstance(found, dict) else found
        except XdnError as error:
            status = _status_of(error).name
            await _refuse(context, error)
        except Exception:
            status = "INTERNAL"
            _log.exception("a call of %s failed", method.name)
            await context.abort(grpc.StatusCode.INTERNAL, "internal error")
        finally:
            self._front.tell(f"grpc {method.name}", status, now() - came)

    async def _stream(self, method: Method, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
        """Answer the requests of a stream, one after the other; an error ends its request, not the stream.

        It ends where its client sends nothing for long.
        """
        try:
            async for content in self._receiving.all(messages):
                yield await self._streamed(method, content, context)
        except XdnError as error:
            await _refuse(context, error)

    async def _streamed(self, method: Method, content: bytes, context: Any) -> Any:
        """Return the answer to a request of a stream."""
        try:
            with self._front.store.holding() as holding:
                holding.add(len(content))
                received = len(content), read_message(method.request, content)
                return method.response(infer_response=await self._infer(received, context))
        except XdnError as error:
            return method.response(error_message=str(error))

    async def _live(self, received: Received, context: Any) -> dict[str, Any]:
        return {"live": True}

    async def _ready(self, received: Received, context: Any) -> dict[str, Any]:
        return {"ready": self._front.engine.ready()}

    async def _model_ready(self, received: Received, context: Any) -> dict[str, Any]:
        try:
            self._front.engine.metadata(received[1].name, received[1].version)
        except UnavailableError:
            return {"ready": False}
        return {"ready": True}

    async def _server_metadata(self, received: Received, context: Any) -> dict[str, Any]:
        return documents.server()

    async def _metadata(self, received: Received, context: Any) -> dict[str, Any]:
        return documents.metadata(self._front.engine.metadata(received[1].name, received[1].version))

    async def _configuration(self, received: Received, context: Any) -> dict[str, Any]:
        model = self._front.engine.metadata(received[1].name, received[1].version)
        return {"config": documents.configuration(model)}

    async def _statistics(self, received: Received, context: Any) -> dict[str, Any]:
        found = self._front.engine.statistics(received[1].name, received[1].version)
        return {"model_stats": [documents.statistics(each) for each in found]}

    async def _index(self, received: Received, context: Any) -> dict[str, Any]:
        return {"models": documents.index(self._front.engine.index(), received[1].ready)}

    async def _load(self, received: Received, context: Any) -> dict[str, Any]:
        if received[1].parameters:
            raise BadRequestError("models are loaded as they stand in the repository", where="parameters")
        await self._front.engine.load(received[1].model_name)
        return {}

    async def _unload(self, received: Received, context: Any) -> dict[str, Any]:
        await self._front.engine.unload(received[1].model_name)
        return {}

    async def _infer(self, received: Received, context: Any) -> Any:
        came, (size, message) = now(), received
        asked = timeout_s(parameters_of(message.parameters))
        deadline = self._front.limits.deadline(came, asked, context.time_remaining())
        request = await self._front.aside(size > _THREAD_BYTES, partial(read_request, message))
        answer = await self._front.engine.infer(replace(request, deadline=deadline))
        self._front.times.add("grpc", answer.model, now() - came)
        return write_response(answer)


def _status_of(error: XdnError) -> grpc.StatusCode:
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), grpc.StatusCode.INTERNAL)


async def _refuse(context: Any, error: XdnError) -> None:
    """End a call with an error."""
    await context.abort(_status_of(error), str(error)[:_DETAILS_CHARACTERS])
