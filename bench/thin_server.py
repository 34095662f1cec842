#!/usr/bin/env python3
"""An engine behind a small server of its own, as one would write it: what `servers.py` compares xdn-serve with.

Starlette and Uvicorn, with the libraries in C that they know; tensors in the binary form of the Open Inference
Protocol; one thread that runs all that waits, either joined to batches or as a queue of single images, whichever the
engine is faster with. It checks little and limits nothing.

    python bench/thin_server.py net.onnx --engine onnxruntime --port 8000 --batch 32
"""

import argparse
import asyncio
import json
import queue
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xdn.cli.common import Output, new_parser, positive_int, run_command
from xdn.cli.entry import program
from xdn.evaluate.engines import ENGINES, Engine
from xdn.graph import Array, Shape

_HEADER = "Inference-Header-Content-Length"
#: The most requests that are run at once.
_MOST = 64
#: An image, and where its result is waited for.
Waiting = tuple[Array, "Future[Array]"]


class Runner:
    """Runs images that wait, in a thread, with an engine that is configured.

    Parameters
    ----------
    engine : Engine
    name : str
        The net's input.
    batch : int
        Images of a call; with 1 those that wait are a queue of calls.
    """

    def __init__(self, engine: Engine, name: str, batch: int):
        self._engine, self._name, self._batch = engine, name, batch
        self._waiting: queue.SimpleQueue[Waiting] = queue.SimpleQueue()
        Thread(target=self._run, daemon=True).start()

    def put(self, image: Array) -> "Future[Array]":
        """Let (1, C, H, W) be run; return the future output."""
        future: Future[Array] = Future()
        self._waiting.put((image, future))
        return future

    def _run(self) -> None:
        while True:
            waiting = [self._waiting.get()]
            while len(waiting) < _MOST and not self._waiting.empty():
                waiting.append(self._waiting.get())
            outputs = self._outputs([image for image, _ in waiting])
            for (_, future), output in zip(waiting, outputs, strict=False):
                future.set_result(output)

    def _outputs(self, images: Sequence[Array]) -> Iterator[Array]:
        """Yield the output of each image."""
        calls = [images[start : start + self._batch] for start in range(0, len(images), self._batch)]
        if self._engine.fixed_batch:
            calls = [[*call, *call[:1] * (self._batch - len(call))] for call in calls]
        feeds = ({self._name: call[0] if len(call) == 1 else np.concatenate(call)} for call in calls)
        for (found, *_), call in zip(self._engine.infer(feeds), calls, strict=True):
            yield from (found[at : at + 1] for at in range(len(call)))


def application(runner: Runner, shape: Shape) -> Starlette:
    """Return a server of one model, whose input has (1, *shape)."""

    async def infer(request: Request) -> Response:
        body = await request.body()
        values = np.frombuffer(body, np.float32, offset=int(request.headers[_HEADER]))
        found = await asyncio.wrap_future(runner.put(values.reshape(1, *shape)))
        numbers = np.ascontiguousarray(found).tobytes()
        size = {"binary_data_size": len(numbers)}
        output = {"name": "prob", "datatype": "FP32", "shape": found.shape, "parameters": size}
        head = json.dumps({"model_name": "net", "outputs": [output]}).encode()
        return Response(head + numbers, headers={_HEADER: str(len(head))}, media_type="application/octet-stream")

    async def ready(request: Request) -> Response:
        return Response()

    return Starlette(
        routes=[Route("/v2/models/net/infer", infer, methods=["POST"]), Route("/v2/health/ready", ready)],
    )


def serve(args: argparse.Namespace, output: Output) -> None:
    """Configure the engine, and serve."""
    engine = ENGINES[args.engine](args.model, args.threads)
    shape = tuple(args.shape)
    engine.configure({args.input: (args.batch, *shape)}, args.variant or engine.variants[0])
    runner = Runner(engine, args.input, args.batch)
    runner.put(np.zeros((1, *shape), np.float32)).result()
    uvicorn.run(application(runner, shape), port=args.port, log_level="error", access_log=False)


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and serve."""
    parser = new_parser("thin_server.py", __doc__ or "")
    add = parser.add_argument
    add("model", type=Path, metavar="ONNX")
    add("--engine", required=True, choices=tuple(ENGINES), help="one of those of xdn-run --compare")
    add("--variant", metavar="NAME", help="the engine's way to run (default: its first one)")
    add("--input", default="data", metavar="NAME", help="the net's input (default: data)")
    add("--shape", type=positive_int, nargs=3, default=[3, 224, 224], metavar="N", help="of an image (C, H, W)")
    add("--batch", type=positive_int, default=1, metavar="N", help="images of a call (default: 1)")
    add("--threads", type=positive_int, default=2, metavar="N", help="(default: 2)")
    add("--port", type=positive_int, default=8000, metavar="N", help="(default: 8000)")
    return run_command(parser, serve, argv)


if __name__ == "__main__":
    sys.exit(program("thin_server.py", main))
