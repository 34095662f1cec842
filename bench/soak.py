#!/usr/bin/env python3
"""Keep a service under a steady low load for an hour, and say whether it stays as it was.

ResNet-20 and LeNet are asked over HTTP and gRPC, by tensors and JPEG, with bad requests, clients that leave and slow
ones among them, while the models are loaded anew in turn. Of the front and the worker, memory, descriptors and threads
are sampled; of requests, latencies and what did not come as it should. Memory is flat where it surely changes by less
than one percent an hour after the warm-up. Stretches in which this program was stopped, as whole machines are, are left
out of the latencies.

    python bench/soak.py --minutes 60 --json soak.json --picture soak.png
    python bench/soak.py --minutes 2 --warm-up 0.5 --slow 200
"""

import argparse
import asyncio
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from machine import describe_machine
from rich.console import Group
from rich.table import Table
from soak_traffic import DIFFERS, LENET, RESNET, Kind, Traffic, drip, slow_requests
from table import place

from xdn import settings
from xdn.cli.common import Output, new_parser, number_between, positive_float, positive_int, run_command
from xdn.cli.entry import program
from xdn.errors import XdnError
from xdn.report.figure import checked_suffix, figure, finish
from xdn.report.section import table
from xdn.serve.repository import CONFIG

#: Model -> its net, of those that ship.
NETS = {RESNET: "resnet20_cifar10/resnet20.prototxt", LENET: "lenet/deploy.prototxt"}
#: The processes of a service.
FRONT, WORKER = PROCESSES = ("front", "worker")
#: What is said of memory.
FLAT, GROWS, UNKNOWN = "flat", "grows", "not known yet"
#: How often it is looked whether this process was stopped meanwhile, and how late it is that it was, in seconds.
_BEAT_S, _LATE_S = 0.25, 2.0
#: For how long after a stop requests may still be late, in seconds.
_AFTER_S = 5.0
#: Samples are joined to means of so many seconds, which are independent of each other to all appearances.
_BLOCK_S = 300.0
_MIB = 1 << 20
#: More connections than a service takes are no clients.
_MOST_CLIENTS = 500
#: Memory is flat where it surely changes by less than this share in an hour.
_FLAT = 0.01
#: How many standard errors an estimate is sure within (95 %), for the fewest blocks that are taken, and more.
_SURE = {1: 12.7, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23}
_SURE_OF_MORE = 2.2


@dataclass(frozen=True)
class Sample:
    """What a process takes at a time.

    Parameters
    ----------
    at_s : float
        Since the soak began.
    process : str
    pid, resident_bytes, descriptors, threads : int
    cpu_s : float
        Seconds of computing so far.
    """

    at_s: float
    process: str
    pid: int
    resident_bytes: int
    descriptors: int
    threads: int
    cpu_s: float


@dataclass(frozen=True)
class Request:
    """A request that was answered, refused, or failed: when it was due and when over, in seconds, and what came."""

    kind: str
    due_s: float
    over_s: float
    came: str
    expected: str


class Soak:
    """What is found while a service is soaked.

    Parameters
    ----------
    front : psutil.Process
    """

    def __init__(self, front: psutil.Process):
        self._front, self._begun = front, time.monotonic()
        self.samples: list[Sample] = []
        self.requests: list[Request] = []
        self.stops: list[tuple[float, float]] = []
        self.reloads: list[Request] = []
        self.cut_s: list[float] = []

    def now(self) -> float:
        """Return the seconds since the soak began."""
        return time.monotonic() - self._begun

    def sample(self) -> None:
        """Look at the processes."""
        workers = self._front.children()
        for name, each in zip(PROCESSES, [self._front, *workers[:1]], strict=False):
            with each.oneshot():
                times = each.cpu_times()
                found = (each.memory_info().rss, each.num_fds(), each.num_threads(), times.user + times.system)
            self.samples.append(Sample(self.now(), name, each.pid, *found))

    async def sampled(self, every_s: float) -> None:
        """Look at the processes for ever."""
        while True:
            self.sample()
            await asyncio.sleep(every_s)

    async def watch_for_stops(self) -> None:
        """Take note of stretches in which this process did not run."""
        while True:
            before = self.now()
            await asyncio.sleep(_BEAT_S)
            if self.now() - before > _BEAT_S + _LATE_S:
                self.stops.append((before, self.now() + _AFTER_S))

    def undisturbed(self, request: Request) -> bool:
        """Whether no stop fell into a request's time."""
        return not any(request.due_s < end and request.over_s > begin for begin, end in self.stops)

    async def send(self, kind: Kind, due_s: float) -> None:
        """Send a request, and note what came."""
        came = await came_of(kind.send())
        self.requests.append(Request(kind.name, due_s, self.now(), came, kind.expected))

    async def load(self, kinds: Sequence[Kind], rate: float) -> None:
        """Send requests at random times, as many a second, for ever; none for the time in which this was stopped."""
        random = np.random.default_rng(0)
        weights = np.array([kind.weight for kind in kinds])
        sent: set[asyncio.Task[None]] = set()
        due_s = self.now()
        while True:
            due_s += random.exponential(1 / rate)
            if self.now() - due_s > _LATE_S:
                due_s = self.now()
            await asyncio.sleep(due_s - self.now())
            task = asyncio.create_task(self.send(kinds[random.choice(len(kinds), p=weights / weights.sum())], due_s))
            sent.add(task)
            task.add_done_callback(sent.discard)

    async def reload(self, traffic: Traffic, every_s: float) -> None:
        """Load a model anew now and then, in turn, for ever."""
        for model in itertools.cycle((RESNET, LENET)):
            await asyncio.sleep(every_s)
            due_s = self.now()
            came = await came_of(traffic.reload(model))
            self.reloads.append(Request(model, due_s, self.now(), came, "200"))

    async def drip(self, http: str, number: int) -> None:
        """Be a slow client for ever."""
        for data in itertools.cycle(slow_requests()[number % 2 :] + slow_requests()[: number % 2]):
            try:
                self.cut_s.append(await drip(http, data))
            except OSError as error:
                now_s = self.now()
                self.requests.append(Request("slow client", now_s, now_s, f"{type(error).__name__}: {error}", "cut"))
                await asyncio.sleep(_AFTER_S)


async def came_of(asked: Awaitable[str]) -> str:
    """Return what came of a request; whatever a client raises, such as a time limit of its own, is a finding."""
    try:
        return await asked
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@contextmanager
def service(threads: int) -> Iterator[tuple[psutil.Process, dict[str, Any]]]:
    """Give a service of two models, and where it listens."""
    with tempfile.TemporaryDirectory() as place_:
        folder = Path(place_)
        for model, net in NETS.items():
            version = folder / "models" / model / "1"
            version.mkdir(parents=True)
            shutil.copy(settings.shipped_dir() / net, version)
            (version.parent / CONFIG).write_text(json.dumps({"random_weights": True}))
        told = folder / "service.json"
        command = [sys.executable, "-m", "xdn", "serve", str(folder / "models"), "--http-port", "0", "--grpc-port", "0"]
        process = subprocess.Popen([*command, "--threads", str(threads), "--json", str(told)])
        try:
            while not told.exists():
                if process.poll() is not None:
                    raise XdnError("the service ended while it started")
                time.sleep(0.1)
            yield psutil.Process(process.pid), json.loads(told.read_text())
        finally:
            process.terminate()
            process.wait()


async def soaked(args: argparse.Namespace, front: psutil.Process, where: dict[str, Any]) -> Soak:
    """Soak a service."""
    import aiohttp

    http, grpc = (f"{where['host']}:{where[port]}" for port in ("http_port", "grpc_port"))
    soak = Soak(front)
    async with aiohttp.ClientSession() as session:
        traffic = Traffic(http, grpc, session)
        jobs = [
            soak.sampled(args.sample_seconds),
            soak.watch_for_stops(),
            soak.load(traffic.kinds(), args.rate),
            soak.reload(traffic, args.reload_seconds),
            *(soak.drip(http, number) for number in range(args.slow)),
        ]
        tasks = [asyncio.create_task(job) for job in jobs]
        done, _ = await asyncio.wait(tasks, timeout=60 * args.minutes, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:  # they end by errors alone
            task.result()
        await traffic.close()
    soak.sample()
    return soak


def slope(at_s: np.ndarray, values: np.ndarray, block_s: float = _BLOCK_S) -> tuple[float, float] | None:
    """Return by how much values grow in an hour, and what that is sure within (95 %); None where blocks are too few.

    A line through the means of blocks, since what lies near in time is alike.
    """
    blocks = ((at_s - at_s[0]) // block_s).astype(int)
    sizes = np.bincount(blocks)
    full = sizes >= sizes.max() / 2  # the last one may be short, and those of a stop empty
    x, y = (np.bincount(blocks, each)[full] / sizes[full] for each in (at_s / 3600, values))
    free = len(x) - 2
    if free < 1:
        return None
    (growth, _), residues, *_ = np.polyfit(x, y, 1, full=True)
    error = np.sqrt(residues[0] / free / np.square(x - x.mean()).sum())
    return float(growth), float(error * _SURE.get(free, _SURE_OF_MORE))


def verdict(line: tuple[float, float] | None, most: float) -> str:
    """Return in a word whether values that grow so much in an hour, as surely, stay within `most`."""
    if line is None:
        return UNKNOWN
    an_hour, sure = line
    return FLAT if abs(an_hour) + sure < most else GROWS if an_hour - sure > 0 else UNKNOWN


def growth(samples: Sequence[Sample], process: str, warm_up_s: float) -> dict[str, Any]:
    """Return how a process's memory, descriptors and threads change after the warm-up."""
    own = [each for each in samples if each.process == process and each.at_s >= warm_up_s]
    if len(own) < 2:
        raise XdnError("there are too few samples after the warm-up", mend="Soak for longer, or warm up for less")
    at_s = np.array([each.at_s for each in own])
    resident = np.array([each.resident_bytes for each in own], float)
    line = slope(at_s, resident)
    found: dict[str, Any] = {
        "processes": len({each.pid for each in own}),
        "resident_bytes": float(resident.mean()),
        "bytes_an_hour": line and line[0],
        "sure_within": line and line[1],
        "verdict": verdict(line, _FLAT * resident.mean()),
        "cores": (own[-1].cpu_s - own[0].cpu_s) / (at_s[-1] - at_s[0]),
    }
    for name in ("descriptors", "threads"):
        first, last = np.array_split([getattr(each, name) for each in own], 2)
        found[name] = {"first_half": int(first.max()), "second_half": int(last.max())}
    return found


def minutes(soak: Soak) -> list[dict[str, float]]:
    """Return the latencies of each minute's answered requests, without those that a stop fell into."""
    found: dict[int, list[float]] = {}
    for each in soak.requests:
        if each.came == each.expected and soak.undisturbed(each):
            found.setdefault(int(each.due_s // 60), []).append(1e3 * (each.over_s - each.due_s))
    return [
        {"minute": minute, "requests": len(times)}
        | {f"p{share}_ms": float(np.percentile(times, share)) for share in (50, 99)}
        for minute, times in sorted(found.items())
    ]


def summary(soak: Soak, warm_up_s: float) -> dict[str, Any]:
    """Return what was found."""
    asked = soak.requests + soak.reloads
    wrong = [each for each in asked if each.came != each.expected]
    return {
        "seconds": soak.now(),
        "requests": len(soak.requests),
        "kinds": dict(Counter(each.kind for each in soak.requests)),
        "reloads": len(soak.reloads),
        "slow_clients_cut": len(soak.cut_s),
        "cut_s": {"least": min(soak.cut_s, default=None), "most": max(soak.cut_s, default=None)},
        "stopped_s": sum(end - begin - _AFTER_S for begin, end in soak.stops),
        "stops": len(soak.stops),
        "wrong": Counter(f"{each.kind}: {each.came}" for each in wrong if soak.undisturbed(each)),
        "wrong_by_stops": Counter(f"{each.kind}: {each.came}" for each in wrong if not soak.undisturbed(each)),
        "other_answers": sum(each.came == DIFFERS for each in asked),
        "processes": {name: growth(soak.samples, name, warm_up_s) for name in PROCESSES},
        "minutes": minutes(soak),
    }


def soak_tables(found: dict[str, Any], machine: dict[str, Any]) -> Group:
    """Return what was found as tables."""
    rows = [
        (
            name,
            f"{each['resident_bytes'] / _MIB:.0f}",
            ""
            if each["sure_within"] is None
            else f"{each['bytes_an_hour'] / _MIB:+.2f} ± {each['sure_within'] / _MIB:.2f}",
            each["verdict"],
            *(f"{each[key]['first_half']}, {each[key]['second_half']}" for key in ("descriptors", "threads")),
            f"{100 * each['cores']:.0f} %",
        )
        for name, each in found["processes"].items()
    ]
    columns = ("process", "MiB", "MiB an hour", "memory", "descriptors, halves", "threads, halves", "of a core")
    latencies: Table = table(
        ("", "median minute", "worst minute"),
        [
            (key, *(f"{pick([minute[key] for minute in found['minutes']]):.1f}" for pick in (np.median, max)))
            for key in ("p50_ms", "p99_ms")
        ],
    )
    told = (
        f"{found['requests']} requests in {found['seconds'] / 60:.1f} minutes, {found['reloads']} reloads, "
        f"{found['slow_clients_cut']} slow clients cut, stopped {found['stops']} times for {found['stopped_s']:.0f} s"
    )
    wrong = [f"not as expected: {what} ({count} times)" for what, count in found["wrong"].items()]
    return Group(table(columns, rows, words=1), latencies, told, *wrong, place(machine))


def draw(soak: Soak, by_minute: Sequence[dict[str, float]], path: Path) -> None:
    """Draw memory and latencies over time."""
    with figure([path], (8.0, 5.0)) as drawing:
        memory, latency = drawing.subplots(2, 1, sharex=True)
        for name in PROCESSES:
            own = [(each.at_s / 60, each.resident_bytes / _MIB) for each in soak.samples if each.process == name]
            memory.plot(*np.array(own).T, label=name)
        memory.set_ylim(bottom=0)
        for key in ("p50_ms", "p99_ms"):
            latency.plot(*np.array([(each["minute"], each[key]) for each in by_minute]).T, label=key[:-3])
        latency.set_yscale("log")
        for axes, what in ((memory, "resident, MiB"), (latency, "latency, ms")):
            for begin, end in soak.stops:
                axes.axvspan(begin / 60, end / 60, color="#e0e0e0", linewidth=0)
            finish(axes, "minutes; grey: stopped" if axes is latency else "", what)


def bench(args: argparse.Namespace, output: Output) -> int:
    """Soak a service, print, write and draw; 1 where something came that should not."""
    if args.picture:
        checked_suffix(args.picture)
    with service(args.threads) as (front, where):
        soak = asyncio.run(soaked(args, front, where))
    found = summary(soak, 60 * args.warm_up)
    machine = describe_machine()
    options = {name: getattr(args, name) for name in ("rate", "threads", "slow", "reload_seconds", "warm_up")}
    output.result(soak_tables(found, machine))
    document = {**options, "machine": machine, "found": found, "samples": [asdict(each) for each in soak.samples]}
    output.write_json(document, "bench")
    if args.picture:
        draw(soak, found["minutes"], args.picture)
    return 1 if found["wrong"] else 0


def _clients(text: str) -> int:
    return number_between(text, int, 0, _MOST_CLIENTS, f"a number of clients up to {_MOST_CLIENTS}")


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("soak.py", __doc__ or "")
    add = parser.add_argument
    add("--minutes", type=positive_float, default=60.0, metavar="N", help="(default: 60)")
    add("--warm-up", type=positive_float, default=10.0, metavar="N", help="minutes that do not count (default: 10)")
    add("--rate", type=positive_float, default=20.0, metavar="N", help="requests a second (default: 20)")
    add("--threads", type=positive_int, default=1, metavar="N", help="of the service (default: 1)")
    add("--reload-seconds", type=positive_float, default=60.0, metavar="S", help="between reloads (default: 60)")
    add("--sample-seconds", type=positive_float, default=10.0, metavar="S", help="between samples (default: 10)")
    add("--slow", type=_clients, default=2, metavar="N", help="slow clients, a byte a second each (default: 2)")
    add("--picture", type=Path, metavar="FILE", help="draw memory and latencies; .png or .svg")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("soak.py", main))
