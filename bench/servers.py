#!/usr/bin/env python3
"""Compare servers: xdn-serve, and other engines behind a thin Python server, beside the engines alone.

Each engine is measured alone, in the way and with the batch that it is fastest with, and so it serves. Then in turn:
the engine alone, and its server, saturated by clients each of which sends an image, in the binary form over HTTP, as
soon as it has an answer. Server and clients share the processors; the clients' part is the same for all.

Needs `pip install '.[serve,bench]'` for the other engines.

    python bench/servers.py --random-weights --net prototxt/resnet50/deploy.prototxt --json servers.json
"""

import argparse
import asyncio
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from engine import Model
from inputs import add_net_options, find_inputs
from machine import describe_machine
from measure import median_and_spread
from rich.table import Table
from table import place

from xdn.cli.common import Output, new_parser, positive_float, positive_int, run_command
from xdn.cli.entry import program
from xdn.errors import XdnError
from xdn.evaluate.engines import ENGINES, Engine
from xdn.graph import Array
from xdn.report.section import table
from xdn.session import Session

XDN = "xdn"
#: Images of a call that engines are tried with; the model's name in all servers.
BATCHES, MODEL = (1, 16, 64), "net"
#: Images of a measurement of an engine alone, and the fewest where ways are tried; seconds for a server to be ready.
_IMAGES, _TRIED_IMAGES, _READY_S = 64, 8, 120.0
#: (way to run, images of a call).
Way = tuple[str, int]


def calls_of(run: Callable[[Sequence[Array]], None], images: Array, batch: int, seconds: float) -> float:
    """Return the images a second of calls of `batch` of the images, over and over."""
    calls = [images[start : start + batch] for start in range(0, len(images), batch)]
    run(calls[:1])
    begun, rounds = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        run(calls)
        rounds += 1
    return rounds * len(images) / (time.perf_counter() - begun)


class Alone:
    """An engine in this process.

    Parameters
    ----------
    name : str
        `XDN`, or one of `ENGINES`.
    model : Model
    threads : int
    """

    def __init__(self, name: str, model: Model, threads: int):
        self.name, self._model, self._threads = name, model, threads
        self._session: Session | None = None
        self._engine: Engine | None = None
        if name == XDN:
            self._session = Session(model.read_net(), threads=threads)
        else:
            self._engine = ENGINES[name](model.folder / "net.onnx", threads)

    @property
    def variants(self) -> Sequence[str]:
        """The engine's ways to run."""
        return self._engine.variants if self._engine else ("",)

    def configure(self, way: Way) -> None:
        """Set the engine up."""
        if self._engine:
            self._engine.configure({self._model.input_name: (way[1], *self._model.input_shape)}, way[0])

    def rate(self, images: Array, batch: int, seconds: float) -> float:
        """Return the images a second, as it was set up."""
        return calls_of(self._run, images, batch, seconds)

    def best(self, images: Array, most: int, seconds: float, output: Output) -> Way:
        """Return the way that is fastest, with `most` images of a call at most, and set the engine up so."""
        rates = {}
        for way in [(variant, batch) for variant in self.variants for batch in BATCHES if batch <= most]:
            self.configure(way)
            rates[way] = self.rate(images[: max(way[1], _TRIED_IMAGES)], way[1], seconds)
            output.log(
                f"{self.name}, {' '.join(filter(None, [way[0], f'{way[1]} a call']))}: {rates[way]:.1f} images/s"
            )
        found = max(rates, key=rates.__getitem__)
        self.configure(found)
        return found

    def _run(self, calls: Sequence[Array]) -> None:
        feeds = [{self._model.input_name: call} for call in calls]
        if self._engine:
            for _ in self._engine.infer(feeds):
                pass
        elif self._session:
            for feed in feeds:
                self._session.run(None, feed)


def free_port() -> int:
    """Return a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def server(name: str, model: Model, way: Way, args: argparse.Namespace) -> Iterator[int]:
    """Give the port of an engine's server, which is ready."""
    port = free_port()
    if name == XDN:
        version = model.folder / "models" / MODEL / "1"
        version.mkdir(parents=True)
        for suffix in ("prototxt", "caffemodel"):
            shutil.copy(model.folder / f"net.{suffix}", version)
        limits = ["--max-latency-ms", str(args.max_latency_ms), "--no-grpc", "--http-port", str(port)]
        command = ["-m", "xdn", "serve", str(model.folder / "models"), *limits]
    else:
        how = ["--engine", name, "--variant", way[0], "--batch", str(way[1]), "--port", str(port)]
        shape = map(str, model.input_shape)
        script = str(Path(__file__).with_name("thin_server.py"))
        command = [script, str(model.folder / "net.onnx"), *how, "--input", model.input_name, "--shape", *shape]
    process = subprocess.Popen([sys.executable, *command, "--threads", str(args.threads)])
    try:
        _until_ready(process, port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until a server is ready; raise XdnError where it ends before, or takes too long."""
    end = time.monotonic() + _READY_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise XdnError("a server is not ready", mend="Where it has ended it has said why, above")


def request_of(model: Model) -> bytes:
    """Return a request over HTTP of one image."""
    numbers = np.random.default_rng(0).random((1, *model.input_shape), np.float32).tobytes()
    size, shape = {"binary_data_size": len(numbers)}, [1, *model.input_shape]
    tensor = {"name": model.input_name, "datatype": "FP32", "shape": shape, "parameters": size}
    document = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    lengths = f"Content-Length: {len(document) + len(numbers)}\r\nInference-Header-Content-Length: {len(document)}"
    head = f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nHost: 127.0.0.1\r\n{lengths}\r\n\r\n"
    return head.encode() + document + numbers


async def saturated(port: int, request: bytes, clients: int, seconds: float) -> float:
    """Return the answers a second to clients each of which sends a request as soon as it has an answer."""
    end, answers = time.perf_counter() + seconds, 0

    async def client() -> None:
        nonlocal answers
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith(b"http/1.1 200"):
                raise XdnError(f"a server answered: {head.splitlines()[0].decode(errors='replace')}")
            await reader.readexactly(int(head.split(b"\r\ncontent-length:", 1)[1].split(b"\r\n", 1)[0]))
            answers += time.perf_counter() < end
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return answers / seconds


def measure(args: argparse.Namespace, model: Model, output: Output) -> dict[str, Any]:
    """Return engine -> the way it ran, and images a second alone and served, one of each a round."""
    images = np.random.default_rng(0).random((_IMAGES, *model.input_shape), np.float32)
    request = request_of(model)
    engines = [Alone(name, model, args.threads) for name in (XDN, *args.engines)]
    ways = {each.name: each.best(images, args.clients, args.seconds / 4, output) for each in engines}
    found: dict[str, Any] = {
        name: {"variant": way[0], "batch": way[1], "alone": [], "served": []} for name, way in ways.items()
    }
    with ExitStack() as stack:
        ports = {name: stack.enter_context(server(name, model, way, args)) for name, way in ways.items()}
        for port in ports.values():  # the first ones take longer
            asyncio.run(saturated(port, request, args.clients, args.seconds / 4))
        for _ in range(args.rounds):
            for each in engines:
                rates = found[each.name]
                rates["alone"].append(each.rate(images, rates["batch"], args.seconds))
                rates["served"].append(asyncio.run(saturated(ports[each.name], request, args.clients, args.seconds)))
                output.log(f"{each.name}: alone {rates['alone'][-1]:.1f}, served {rates['served'][-1]:.1f} images/s")
    return found


def ratios(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return engine -> XDN's throughput over its own, alone and served, each the median of the rounds' ratios."""
    own = found[XDN]
    return {
        name: {
            how: statistics.median(a / b for a, b in zip(own[how], rates[how], strict=True))
            for how in ("alone", "served")
        }
        for name, rates in found.items()
    }


def servers_table(document: dict[str, Any]) -> Table:
    """Return a row an engine."""
    rows = []
    for name, rates in document["found"].items():
        (alone, alone_spread), (served, served_spread) = (median_and_spread(rates[how]) for how in ("alone", "served"))
        rows.append(
            (
                name,
                ", ".join(filter(None, [rates["variant"], f"{rates['batch']} a call"])),
                f"{alone:.1f} ({alone_spread:.0%})",
                f"{served:.1f} ({served_spread:.0%})",
                f"{served / alone:.0%}",
                *(f"{document['ratios'][name][how]:.2f}" for how in ("alone", "served")),
            )
        )
    columns = ("", "alone as", "images/s (spread)", "served (spread)", "of that", "xdn / it alone", "served")
    return table(columns, rows, title=f"{document['net']}, {document['threads']} threads", words=2)


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure and print."""
    args.images = 1
    inputs = find_inputs(args, output, random_images=1)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(args, inputs.write(Path(folder)), output)
    sizes = {name: getattr(args, name) for name in ("threads", "clients", "seconds", "rounds", "max_latency_ms")}
    document = {"net": str(args.net), **sizes, "machine": describe_machine(), "found": found, "ratios": ratios(found)}
    output.result(servers_table(document), place(document["machine"]))
    output.write_json(document, "bench")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("servers.py", __doc__ or "")
    add_net_options(parser)
    add = parser.add_argument
    others = ["openvino", "onnxruntime"]
    add(
        "--engines",
        type=lambda text: text.split(","),
        default=others,
        help="beside XDN (default: openvino,onnxruntime)",
    )
    add("--threads", type=positive_int, default=2, metavar="N", help="of each engine (default: 2)")
    add("--clients", type=positive_int, default=64, metavar="N", help="(default: 64)")
    add("--max-latency-ms", type=positive_float, default=2500, metavar="MS", help="of xdn-serve (default: 2500)")
    add("--rounds", type=positive_int, default=3, metavar="N", help="(default: 3)")
    add("--seconds", type=positive_float, default=2.5, metavar="S", help="of a measurement (default: 2.5)")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("servers.py", main))
