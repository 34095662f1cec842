#!/usr/bin/env python3
"""Measure the engine of the service beside a session called directly: throughput at saturation, latency under load.

Single images are sent, without a protocol: by as many clients as keep the engine busy, and then at shares of that
throughput, at random times (Poisson) or, as most generators of load do, at equal intervals. In turn with it a
session in this process runs as many images a call as is fastest for it.

python bench/serving.py
python bench/serving.py --net prototxt/resnet20/deploy.prototxt --engine local --seconds 5 --json serving.json
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine
from rich.box import SIMPLE_HEAD
from rich.table import Table
from table import place

from xdn import settings
from xdn.cli.common import Output, new_parser, positive_float, positive_int, run_command
from xdn.cli.entry import program
from xdn.graph import Array
from xdn.runtime.cpu.threads.count import default_threads
from xdn.serve.config import ModelConfig
from xdn.serve.engine import LocalEngine
from xdn.serve.messages import Engine, InferRequest, Tensor
from xdn.serve.model import load_net
from xdn.serve.options import EngineOptions
from xdn.serve.repository import CONFIG, Repository
from xdn.serve.supervised import SupervisedEngine
from xdn.session import Session

ENGINES: dict[str, Callable[[Repository, EngineOptions], Engine]] = {
    "local": LocalEngine,
    "supervised": SupervisedEngine,
}
MODEL = "net"
#: Images a call that a session is tried with.
CALLS = (1, 4, 16, 64)
#: How requests come.
RANDOM, EVEN = ARRIVALS = ("random", "even")
#: The options that a result says.
SIZES = ("engine", "threads", "clients", "max_latency_ms", "seconds", "arrivals")


def repository_of(net: Path, folder: Path) -> Repository:
    """Return a repository in `folder` with the net, whose weights are random."""
    version = folder / MODEL / "1"
    version.mkdir(parents=True)
    (version / net.name).write_bytes(net.read_bytes())
    (folder / MODEL / CONFIG).write_text(json.dumps({"random_weights": True}))
    return Repository.of(folder)


def direct(session: Session, images: Array, seconds: float) -> float:
    """Return the images a second of calls with these images."""
    name = next(iter(session.net.inputs))
    begun, calls = time.perf_counter(), 0
    while not calls or time.perf_counter() - begun < seconds:
        session.run(None, {name: images})
        calls += 1
    return calls * len(images) / (time.perf_counter() - begun)


async def saturated(engine: Engine, request: InferRequest, clients: int, seconds: float) -> float:
    """Return the answers a second to clients each of which sends a request as soon as it has an answer.

    They begin none after so many seconds. What is under way then counts, in all of its time: a run may take long.
    """
    begun, answers = time.perf_counter(), 0

    async def client() -> None:
        nonlocal answers
        while time.perf_counter() < begun + seconds:
            await engine.infer(request)
            answers += 1

    await asyncio.gather(*(client() for _ in range(clients)))
    return answers / (time.perf_counter() - begun)


def gaps_of(arrivals: str, rate: float, count: int) -> Array:
    """Return the seconds between requests of which so many come a second."""
    return np.random.default_rng(0).exponential(1 / rate, count) if arrivals == RANDOM else np.full(count, 1 / rate)


async def loaded(engine: Engine, request: InferRequest, rate: float, gaps: Array) -> dict[str, float]:
    """Return the latencies of requests that come so many seconds after each other."""
    taken: list[float] = []
    due = time.perf_counter() + np.cumsum(gaps)

    async def one(at: float) -> None:
        await asyncio.sleep(at - time.perf_counter())
        await engine.infer(request)
        taken.append(time.perf_counter() - at)

    await asyncio.gather(*map(one, due))
    median, high = np.percentile(taken, (50, 99)) * 1e3
    return {"rate": rate, "p50_ms": float(median), "p99_ms": float(high)}


async def measure(args: argparse.Namespace, output: Output, repository: Repository) -> dict[str, Any]:
    """Return the figures of the session and of the engine."""
    options = EngineOptions(threads=args.threads, max_latency_s=args.max_latency_ms / 1e3, max_requests=1 << 14)
    engine = ENGINES[args.engine](repository, options)
    session = Session(load_net(args.net, ModelConfig(random_weights=True)), threads=args.threads)
    ((name, blob),) = session.net.inputs.items()
    images = np.random.default_rng(0).random((max(CALLS), *blob.shape[1:]), np.float32)
    request = InferRequest(MODEL, (Tensor(name, "FP32", images[:1]),))
    await engine.start()
    tried = {}
    for count in CALLS:
        direct(session, images[:count], 0)
        tried[count] = direct(session, images[:count], args.seconds / 4)
        output.log(f"{count} images a call: {tried[count]:.1f} images/s")
    best = max(tried, key=lambda count: tried[count])
    found: dict[str, Any] = {"images_a_call": best, "batch_1_ms": 1e3 / tried[1], "direct": [], "served": []}
    for _ in range(args.rounds):
        found["direct"].append(direct(session, images[:best], args.seconds))
        found["served"].append(await saturated(engine, request, args.clients, args.seconds))
        output.log(f"direct {found['direct'][-1]:.1f}, served {found['served'][-1]:.1f} images/s")
    rate = float(np.median(found["served"]))
    found["loads"] = []
    for share in args.loads:
        gaps = gaps_of(args.arrivals, share * rate, max(1, int(share * rate * args.load_seconds)))
        found["loads"].append({"share": share} | await loaded(engine, request, share * rate, gaps))
        output.log(f"at {share:.0%}: {found['loads'][-1]}")
    (statistics,) = engine.statistics(MODEL)
    found["runs"] = {str(count): runs for count, runs in sorted(statistics.batches.items())}
    await engine.stop(1.0)
    return found


def serving_table(document: dict[str, Any]) -> Table:
    """Return a table of throughput and latencies."""
    found = document["found"]
    direct_, served = (float(np.median(found[each])) for each in ("direct", "served"))
    share = float(np.median(np.array(found["served"]) / np.array(found["direct"])))
    title = f"{document['net']}, {document['threads']} threads, {document['engine']} engine"
    table = Table("load", title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in ("images/s", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right")
    table.add_row(f"session, {found['images_a_call']} images a call", f"{direct_:.1f}", "", "")
    table.add_row("session, 1 image a call", f"{1e3 / found['batch_1_ms']:.1f}", f"{found['batch_1_ms']:.1f}", "")
    table.add_row(f"saturated, {share:.1%} of the session", f"{served:.1f}", "", "")
    for load in found["loads"]:
        row = (
            f"{load['share']:.0%} of that, {document['arrivals']}",
            *(f"{load[key]:.1f}" for key in ("rate", "p50_ms", "p99_ms")),
        )
        table.add_row(*row)
    return table


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(args, output, repository_of(args.net, Path(folder))))
    sizes = {name: getattr(args, name) for name in SIZES}
    document = {"net": str(args.net), **sizes, "machine": describe_machine(), "found": found}
    output.result(serving_table(document), place(document["machine"]))
    output.write_json(document, "bench")
    return 0


def shares(text: str) -> list[float]:
    """Return an option's text as shares of the throughput."""
    return [positive_float(each) for each in text.split(",")]


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("serving.py", __doc__ or "")
    add = parser.add_argument
    net, latency_ms = settings.shipped_dir() / "resnet50" / "deploy.prototxt", 1e3 * settings.SERVED_LATENCY_S
    add("--net", type=Path, default=net, metavar="FILE", help="(default: ResNet-50)")
    add("--engine", choices=ENGINES, default="supervised", help="(default: supervised)")
    add("--threads", type=positive_int, default=default_threads(), metavar="N")
    add("--clients", type=positive_int, default=128, metavar="N", help="that saturate it (default: 128)")
    add("--max-latency-ms", type=positive_float, default=latency_ms, metavar="MS", help=f"(default: {latency_ms:g})")
    add("--rounds", type=positive_int, default=3, metavar="N", help="(default: 3)")
    add("--seconds", type=positive_float, default=5.0, metavar="S", help="of a measurement (default: 5)")
    add("--load-seconds", type=positive_float, default=10.0, metavar="S", help="of a load (default: 10)")
    add("--arrivals", choices=ARRIVALS, default=RANDOM, help="of requests under a load (default: random)")
    add("--loads", type=shares, default=[0.5, 0.8, 0.95], metavar="F,...", help="(default: 0.5,0.8,0.95)")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("serving.py", main))
