"""Serve nets over HTTP and gRPC, by the Open Inference Protocol (KServe V2): clients of Triton and KServe fit.

A model repository is a folder with a folder a model; in that lies a net as xdn-run reads it, or a folder a version, 1/,
2/ and so on, of which the latest is served. What is done to images, and more, a file model.json there may say. A single
net, or the folder that xdn-optimize wrote, is a repository with one model.

  xdn-serve models/                              at http://127.0.0.1:8000, and 127.0.0.1:8001 for gRPC
  xdn-serve net.prototxt --verbose               one net, weights beside it; a line about each request
  xdn-serve net.xdn --max-latency-ms 20          requests that wait run together, as long as that takes no longer
  xdn-serve models/ --host 0.0.0.0 --no-grpc     for other machines, which should be behind a proxy that knows them

  curl localhost:8000/v2/models/net              its inputs and outputs
  curl localhost:8000/v2/health/ready            200 when models are loaded, 400 before and while it stops
  curl localhost:8000/metrics                    for Prometheus
  curl -X POST localhost:8000/v2/repository/models/net/load      read it anew; requests meanwhile go to the old one

SIGTERM, and Ctrl-C, end it: it is no longer ready, answers what is at hand for --stop-grace-s, refuses what comes, and
exits with 0. It needs the extra [serve].
"""

import argparse
import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xdn import settings
from xdn.cli.common import Output, new_parser, number_between, positive_float, positive_int, run_command
from xdn.errors import MissingExtraError, SettingError, listed
from xdn.serve.front import Front
from xdn.serve.limits import Limits
from xdn.serve.messages import READY, ModelState
from xdn.serve.options import EngineOptions
from xdn.serve.repository import Repository
from xdn.serve.supervised import SupervisedEngine

if TYPE_CHECKING:
    from xdn.serve.service import Service

_MOST_PORT = (1 << 16) - 1
_STOPPED_BY = (signal.SIGINT, signal.SIGTERM)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made, limits = new_parser("xdn-serve", __doc__), Limits()
    made.add_argument("repository", type=Path, metavar="MODELS", help="a model repository, or one net")
    add = made.add_argument
    add("--host", default="127.0.0.1", help="the address to listen at (default: 127.0.0.1, this machine alone)")
    add("--http-port", type=_port, default=8000, metavar="N", help="0: any (default: 8000)")
    grpc = made.add_mutually_exclusive_group()
    grpc.add_argument("--grpc-port", type=_port, default=8001, metavar="N", help="0: any (default: 8001)")
    grpc.add_argument("--no-grpc", action="store_true", help="HTTP alone")
    add("--threads", type=positive_int, metavar="N", help="default: XDN_THREADS, OMP_NUM_THREADS, else all")
    add(
        "--max-latency-ms", type=positive_float, default=1e3 * settings.SERVED_LATENCY_S, metavar="MS",
        help="the longest that a run of joined requests may take, unless so many wait that they are late anyway; "
        f"model.json may say another for a model (default: {1e3 * settings.SERVED_LATENCY_S:g})",
    )  # fmt: skip
    add(
        "--max-queue", type=positive_int, default=settings.SERVED_REQUESTS, metavar="N",
        help="requests at hand; further ones are refused, to come again later (429; default: "
        f"{settings.SERVED_REQUESTS})",
    )  # fmt: skip
    add(
        "--max-request-mb", type=positive_int, default=limits.request_bytes >> 20, metavar="MB",
        help=f"larger requests are refused (413; default: {limits.request_bytes >> 20})",
    )  # fmt: skip
    add(
        "--time-limit-s", type=positive_float, default=limits.time_limit_s, metavar="S",
        help=f"requests that are not answered by then are refused (504; default: {limits.time_limit_s:g})",
    )  # fmt: skip
    add(
        "--stop-grace-s", type=positive_float, default=30.0, metavar="S",
        help="how long requests at hand are answered when it is stopped (default: 30)",
    )  # fmt: skip
    add("--verbose", action="store_true", help="log a line about each request")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(parser(), _run, argv)


def _port(text: str) -> int:
    return number_between(text, int, 0, _MOST_PORT, f"a port from 0 to {_MOST_PORT}")


def _run(args: argparse.Namespace, output: Output) -> None:
    if args.max_memory:
        # Where the process reads it that has the nets.
        os.environ["XDN_MEMORY"] = str(args.max_memory)
    limits = Limits(request_bytes=args.max_request_mb << 20, time_limit_s=args.time_limit_s)
    options = EngineOptions(args.threads, max_latency_s=args.max_latency_ms / 1e3, max_requests=args.max_queue)
    repository = Repository.of(args.repository)
    engine = SupervisedEngine(repository, options)
    front = Front(engine, limits, output.log if args.verbose else None)
    service = _service(front, args.host, args.http_port, None if args.no_grpc else args.grpc_port)
    if models := repository.models():
        output.log(f"loading {listed(models)}: kernels are compiled where the cache lacks them")
    asyncio.run(_serve(front, service, args.stop_grace_s, output))


def _service(front: Front, host: str, http_port: int, grpc_port: int | None) -> "Service":
    """Return the service; MissingExtraError without the packages that it needs."""
    try:
        from xdn.serve.service import Service
    except ImportError as error:
        what = f"a service needs {error.name}, which is not installed"
        raise MissingExtraError(what, mend="Run: pip install 'xdn[serve]'") from None
    return Service(front, host, http_port, grpc_port)


async def _serve(front: Front, service: "Service", grace_s: float, output: Output) -> None:
    """Answer requests until a signal comes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with _signals_call(lambda: loop.call_soon_threadsafe(stop.set)):
        starting, stopping = asyncio.ensure_future(service.start()), asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                _tell(front.engine.index(), service, output)
                await stopping
            output.log("stopping: no longer ready, requests at hand are answered")
        finally:
            starting.cancel()
            stopping.cancel()
            await service.stop(grace_s)


@contextmanager
def _signals_call(stop: Callable[[], object]) -> Iterator[None]:
    """Let the signals that end a service call `stop`."""
    kept = {number: signal.signal(number, lambda *_: stop()) for number in _STOPPED_BY}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _tell(index: tuple[ModelState, ...], service: "Service", output: Output) -> None:
    """Say which models are ready, and where.

    Raises
    ------
    SettingError
        Where there are models, and none is ready.
    """
    for each in index:
        reason = f": {each.reason}" if each.reason else ""
        output.log(f"model {each.name}, version {each.version or '-'}: {each.state}{reason}")
    if index and not any(each.state == READY for each in index):
        raise SettingError("no model could be loaded", mend="Above is said why")
    address = f"[{service.host}]" if ":" in service.host else service.host
    grpc = "" if service.grpc_port is None else f", gRPC at {address}:{service.grpc_port}"
    output.log(f"ready: http://{address}:{service.http_port}{grpc}")
    document = {
        "host": service.host,
        "http_port": service.http_port,
        "grpc_port": service.grpc_port,
        "models": [{"name": each.name, "version": each.version, "state": each.state} for each in index],
    }
    output.write_json(document, "service")
