"""What a soaked service is asked: kinds of requests, good ones and bad ones, and clients that are slow.

Needs `tritonclient[all]`, the extra [serve-test].
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp
import cv2
import numpy as np
import tritonclient.grpc as messages
import tritonclient.grpc.aio as grpc
from tritonclient.utils import InferenceServerException

from xdn.graph import Array

#: The models of the service that is soaked, and the size of the first one's images.
RESNET, LENET = "resnet20", "lenet"
_SIDE = 32
#: Images of the one request that has several.
_SEVERAL = 8
#: Seconds between the bytes of a slow client.
_DRIP_S = 1.0
#: How an answer that differs from the first one to the same request is told.
DIFFERS = "another answer than the first time"


@dataclass(frozen=True)
class Kind:
    """A kind of request.

    Parameters
    ----------
    name : str
    weight : int
        How often it is sent, beside others.
    send : callable
        Sends one, and returns what came: an HTTP status, the name of gRPC's, or `DIFFERS`.
    expected : str
        What should come.
    """

    name: str
    weight: int
    send: Callable[[], Awaitable[str]]
    expected: str


class Traffic:
    """Clients of a service over HTTP and gRPC.

    Parameters
    ----------
    http, grpc_address : str
        Where it listens, "host:port".
    session : aiohttp.ClientSession
    """

    def __init__(self, http: str, grpc_address: str, session: aiohttp.ClientSession):
        self._http, self._session = http, session
        self._grpc = grpc.InferenceServerClient(grpc_address)
        self._first: dict[str, bytes] = {}
        random = np.random.default_rng(0)
        pixels = random.integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
        self._jpeg = cv2.imencode(".jpg", pixels)[1].tobytes()
        self._images = random.random((_SEVERAL, 3, _SIDE, _SIDE), np.float32)
        self._digit = random.random((1, 1, 28, 28), np.float32)

    async def close(self) -> None:
        """Close the connection to gRPC."""
        await self._grpc.close()

    def kinds(self) -> list[Kind]:
        """Return the kinds of requests that are sent."""
        one, several, digit = self._images[:1], self._images, self._digit
        jpeg = np.array([self._jpeg], object)
        damaged = np.array([self._jpeg[: len(self._jpeg) // 3]], object)
        return [
            Kind("HTTP, tensor", 4, lambda: self._http_infer(RESNET, "FP32", one), "200"),
            Kind("HTTP, tensor of LeNet", 2, lambda: self._http_infer(LENET, "FP32", digit), "200"),
            Kind("HTTP, 8 images", 1, lambda: self._http_infer(RESNET, "FP32", several), "200"),
            Kind("HTTP, JPEG", 4, lambda: self._http_infer(RESNET, "BYTES", jpeg), "200"),
            Kind("HTTP, numbers as JSON", 1, self._http_json, "200"),
            Kind("gRPC, tensor", 4, lambda: self._grpc_infer(RESNET, "FP32", one), "OK"),
            Kind("gRPC, tensor of LeNet", 2, lambda: self._grpc_infer(LENET, "FP32", digit), "OK"),
            Kind("gRPC, JPEG", 4, lambda: self._grpc_infer(RESNET, "BYTES", jpeg), "OK"),
            Kind("metrics", 1, lambda: self._status("GET", "/metrics"), "200"),
            Kind("HTTP, damaged JPEG", 1, lambda: self._http_infer(RESNET, "BYTES", damaged), "400"),
            Kind("gRPC, another shape", 1, lambda: self._grpc_infer(RESNET, "FP32", digit), "INVALID_ARGUMENT"),
            Kind("HTTP, no JSON", 1, lambda: self._status("POST", f"/v2/models/{RESNET}/infer", b"{"), "400"),
            Kind("HTTP, unknown model", 1, lambda: self._http_infer("absent", "FP32", one), "404"),
            Kind("HTTP, a client that leaves", 1, self._leave, "left"),
        ]

    async def reload(self, model: str) -> str:
        """Let a model be loaded anew; return the status."""
        return await self._status("POST", f"/v2/repository/models/{model}/load")

    async def _status(self, method: str, path: str, body: bytes | None = None) -> str:
        async with self._session.request(method, f"http://{self._http}{path}", data=body) as answer:
            await answer.read()
            return str(answer.status)

    async def _http_infer(self, model: str, datatype: str, images: Array) -> str:
        """Send images in the binary form."""
        data, headers = _binary(datatype, images)
        url = f"http://{self._http}/v2/models/{model}/infer"
        async with self._session.post(url, data=data, headers=headers) as answer:
            body = await answer.read()
            if answer.status != 200:
                return str(answer.status)
            numbers = body[int(answer.headers["Inference-Header-Content-Length"]) :]
            return self._same(f"{model} {datatype} {images.shape}", numbers, "200")

    async def _http_json(self) -> str:
        tensor = {"name": "data", "datatype": "FP32", "shape": self._digit.shape, "data": self._digit.tolist()}
        body = json.dumps({"inputs": [tensor]}).encode()
        async with self._session.post(f"http://{self._http}/v2/models/{LENET}/infer", data=body) as answer:
            document = await answer.json()
            if answer.status != 200:
                return str(answer.status)
            numbers = np.array(document["outputs"][0]["data"], np.float32).tobytes()
            return self._same(f"{LENET} FP32 {self._digit.shape}", numbers, "200")

    async def _grpc_infer(self, model: str, datatype: str, images: Array) -> str:
        tensor = messages.InferInput("data", list(images.shape), datatype)
        tensor.set_data_from_numpy(images)
        try:
            answer = await self._grpc.infer(model, [tensor])
        except InferenceServerException as error:
            return str(error.status()).removeprefix("StatusCode.")
        (numbers,) = answer.get_response().raw_output_contents
        return self._same(f"{model} {datatype} {images.shape}", numbers, "OK")

    def _same(self, request: str, numbers: bytes, status: str) -> str:
        """Return the status of an answer; the same request has the same answer, to the last bit."""
        return status if self._first.setdefault(request, numbers) == numbers else DIFFERS

    async def _leave(self) -> str:
        """Send a request, and do not wait for its answer."""
        data, headers = _binary("FP32", self._images)
        host, port = self._http.split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        lines = {"Host": self._http, "Content-Length": str(len(data)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"POST /v2/models/{RESNET}/infer HTTP/1.1\r\n{head}\r\n".encode() + data)
        await writer.drain()
        writer.close()
        return "left"


def _binary(datatype: str, images: Array) -> tuple[bytes, dict[str, str]]:
    """Return the body, and headers, of a request in the binary form, whose answer has it, too."""
    data = b"".join(len(each).to_bytes(4, "little") + each for each in images) if datatype == "BYTES" else images
    numbers = bytes(data)
    size = {"binary_data_size": len(numbers)}
    tensor = {"name": "data", "datatype": datatype, "shape": images.shape, "parameters": size}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return head + numbers, {"Inference-Header-Content-Length": str(len(head))}


async def drip(http: str, data: bytes) -> float:
    """Send a byte a second of a request that never ends; return after how many seconds the service cut it."""
    host, port = http.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    cut = asyncio.ensure_future(reader.read())  # until the service closes
    try:
        for byte in data:
            writer.write(bytes([byte]))
            if (await asyncio.wait([cut], timeout=_DRIP_S))[0]:
                break
        return loop.time() - begun
    finally:
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
        writer.close()


def slow_requests() -> Sequence[bytes]:
    """Return what slow clients send: a head without an end, and a body."""
    head = f"POST /v2/models/{RESNET}/infer HTTP/1.1\r\nHost: a\r\n"
    return (head.encode() + b"X-Long: " + b"a" * 4096, f"{head}Content-Length: 4096\r\n\r\n".encode() + b"{" * 4096)
