#!/usr/bin/env python3
"""Simulate a run in parts on up to 1,000 machines, fed with service times that were measured on one.

A queueing model: one driver hands out blocks of images, several at a time as `xdn.ray` does; each worker asks for the
next ones as it begins. Machines differ in speed, some are stragglers, and each fails now and then: what it did not
finish goes to another one as soon as that is noticed. Service times are drawn from the measured ones.

    python bench/ray_scaling.py --net prototxt/resnet20_cifar10/resnet20.prototxt --images 20000 --json ray.json
    python tools/simulate_cluster.py ray.json -o pictures/      cluster_efficiency.svg, cluster_cost.svg
"""

import argparse
import heapq
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xdn.cli.common import Output, new_parser, positive_int, run_command
from xdn.cli.entry import program
from xdn.errors import ParseError
from xdn.files import read_json
from xdn.ray.parts import handed_out
from xdn.report.figure import figure, finish
from xdn.report.quantities import count
from xdn.report.section import table
from xdn.settings import MAX_RESULT_BYTES

NODES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
#: Blocks of each machine, where machines grow with images; of fewer where each is handed out by itself.
EACH, SINGLE_EACH = 10000, 500
#: Simulations of a few machines are repeated until there are so many of these, and so often at most.
_MACHINES, _REPEATED = 200, 20
#: Machines where images alone grow, and how many blocks these are.
COST_NODES, COST_BLOCKS = 100, (1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000)
_SIZE = (6.0, 3.6)


@dataclass(frozen=True)
class Cluster:
    """What a simulation assumes; times in seconds.

    Parameters
    ----------
    nodes : int
        Machines, a worker each.
    dispatch_s : float
        What the driver spends each time that it hands out blocks.
    start_s : float
        Until a worker is ready.
    spread : float
        Of the machines' speeds: the standard deviation of their logarithms.
    stragglers, slowdown : float
        The share of machines that are slower, and how many times.
    failure_s : float, optional
        Mean time between two failures of a machine; None: it never fails.
    notice_s, repair_s : float
        Until a failure is noticed and what was lost handed out again; until the machine is back.
    """

    nodes: int = 1
    dispatch_s: float = 0.0
    start_s: float = 0.0
    spread: float = 0.0
    stragglers: float = 0.0
    slowdown: float = 3.0
    failure_s: float | None = None
    notice_s: float = 30.0
    repair_s: float = 60.0


@dataclass(frozen=True)
class Outcome:
    """What a simulated run took.

    Parameters
    ----------
    seconds : float
        Until the last block was done.
    useful_s : float
        Of all workers, on blocks that they finished, as a machine of usual speed takes for them.
    handed, failures : int
        How often blocks were handed out; how often they were lost with a machine.
    """

    seconds: float
    useful_s: float
    handed: int
    failures: int

    def efficiency(self, nodes: int) -> float:
        """Return the share of all machines' time that went into blocks."""
        return self.useful_s / (nodes * self.seconds)


class Simulation:
    """A run on a cluster: the next request of a worker is the next event.

    Parameters
    ----------
    cluster : Cluster
    block_s : float
        What is run again where a block was lost, at most.
    seed : int
    """

    def __init__(self, cluster: Cluster, block_s: float = 0.0, seed: int = 0):
        self._cluster, self._block_s = cluster, block_s
        self._rng = np.random.default_rng(seed)
        slow = self._rng.random(cluster.nodes) < cluster.stragglers
        speeds = np.exp(cluster.spread * self._rng.standard_normal(cluster.nodes))
        self._factor = np.where(slow, cluster.slowdown, 1.0) * speeds
        self._failure = [self._next_failure() for _ in range(cluster.nodes)]
        self._free = [cluster.start_s] * cluster.nodes
        #: When workers ask for more; what was lost, from when on it is handed out again; workers that got nothing.
        self._requests = [(cluster.start_s, worker) for worker in range(cluster.nodes)]
        self._lost: list[tuple[float, float]] = []
        self._parked: list[int] = []

    def _next_failure(self) -> float:
        mean = self._cluster.failure_s
        return float("inf") if mean is None else float(self._rng.exponential(mean))

    def run(self, tasks_s: Sequence[float]) -> Outcome:
        """Return what tasks take, the blocks of each handed out together; each as a machine of usual speed takes it."""
        waiting, useful = list(reversed(tasks_s)), float(sum(tasks_s))
        handed, failures, last, driver_free = 0, 0, 0.0, 0.0
        running = len(waiting)
        while running:
            asked, worker = heapq.heappop(self._requests)
            if waiting:
                task_s = waiting.pop()
            elif self._lost:
                since, task_s = heapq.heappop(self._lost)
                asked = max(asked, since)
            else:
                self._parked.append(worker)
                continue
            handed, driver_free = handed + 1, max(asked, driver_free) + self._cluster.dispatch_s
            begin = max(self._free[worker], driver_free)
            end = begin + task_s * self._factor[worker]
            if self._fails(worker, begin, end, task_s):
                failures += 1
                continue
            running, last, self._free[worker] = running - 1, max(last, end), end
            heapq.heappush(self._requests, (begin, worker))
        return Outcome(last, useful, handed, failures)

    def _fails(self, worker: int, begin: float, end: float, task_s: float) -> bool:
        """Return whether a worker is lost before it ends a task; what is left of it is then handed out again."""
        cluster = self._cluster
        while self._failure[worker] < begin - cluster.repair_s:
            # It failed while it had nothing to do, and is back since.
            self._failure[worker] += cluster.repair_s + self._next_failure()
        if self._failure[worker] >= end:
            return False
        failed = max(begin, self._failure[worker])
        left_s = min(task_s, task_s * (end - failed) / (end - begin) + self._block_s)
        heapq.heappush(self._lost, (failed + cluster.notice_s, left_s))
        self._free[worker] = failed + cluster.repair_s
        self._failure[worker] = self._free[worker] + self._next_failure()
        heapq.heappush(self._requests, (self._free[worker], worker))
        if self._parked:
            heapq.heappush(self._requests, (failed + cluster.notice_s, self._parked.pop()))
        return True


def tasks(service_s: Sequence[float], blocks: int, nodes: int, together: bool, seed: int) -> list[float]:
    """Return the times of what is handed out: blocks drawn from measured ones, `together` as `xdn.ray` does it."""
    drawn = np.random.default_rng(seed).choice(np.asarray(service_s, float), blocks)
    if together:
        drawn = np.add.reduceat(drawn, [each.start for each in handed_out(blocks, nodes)])
    found: list[float] = drawn.tolist()
    return found


def scenarios(base: Cluster) -> dict[str, Cluster]:
    """Return name -> what is assumed, from equal machines to all that may go wrong."""
    differing = replace(base, spread=0.05)
    slow, failing = replace(differing, stragglers=0.02), replace(differing, failure_s=24 * 3600.0)
    return {
        "equal machines": base,
        "speeds differ by 5 %": differing,
        "2 % of machines 3 times as slow": slow,
        "each machine fails once a day": failing,
        "all of it": replace(slow, failure_s=failing.failure_s),
    }


def by_nodes(base: Cluster, service_s: Sequence[float], nodes: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
    """Return what is assumed -> for each number of machines the share of their time that goes into blocks.

    Images grow with machines; in the last case, with all that may go wrong, blocks are handed out one by one.
    """
    cases = {name: (assumed, True) for name, assumed in scenarios(base).items()}
    name, (assumed, _) = list(cases.items())[-1]
    cases[f"{name}, blocks handed out one by one"] = assumed, False
    return {
        name: [_row(replace(case[0], nodes=each), service_s, case[1]) for each in nodes] for name, case in cases.items()
    }


def _row(cluster: Cluster, service_s: Sequence[float], together: bool) -> dict[str, Any]:
    """Return the mean of as many simulations as it takes for chance to even out."""
    nodes, found = cluster.nodes, []
    for seed in range(min(_REPEATED, -(-_MACHINES // nodes))):
        blocks = nodes * (EACH if together else SINGLE_EACH)
        asked = tasks(service_s, blocks, nodes, together, seed)
        found.append(Simulation(cluster, float(np.mean(service_s)), seed).run(asked))
    efficiency = float(np.mean([outcome.efficiency(nodes) for outcome in found]))
    return {"nodes": nodes, "efficiency": efficiency, "runs": [asdict(outcome) for outcome in found]}


def by_images(base: Cluster, service_s: Sequence[float], blocks: Sequence[int]) -> list[dict[str, Any]]:
    """Return for each number of blocks what they cost on `COST_NODES` machines, with all that may go wrong."""
    cluster, found = replace(scenarios(base)["all of it"], nodes=COST_NODES), []
    for number in blocks:
        asked = tasks(service_s, number, COST_NODES, True, 0)
        outcome = Simulation(cluster, float(np.mean(service_s))).run(asked)
        found.append({"blocks": number, "cost_s": COST_NODES * outcome.seconds, **asdict(outcome)})
    return found


def draw_efficiency(found: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Draw the share of machines' time that goes into blocks, over the number of machines."""
    with figure([path], _SIZE) as drawing:
        axes = drawing.add_subplot()
        for name, rows in found.items():
            axes.plot([row["nodes"] for row in rows], [100 * row["efficiency"] for row in rows], marker=".", label=name)
        axes.set_xscale("log")
        axes.set_ylim(0, 105)
        finish(axes, "machines, images growing with them", "% of machines' time")


def draw_cost(rows: list[dict[str, Any]], block_images: int, path: Path) -> None:
    """Draw machine hours over images, and the line through the origin and the last point."""
    images = np.array([float(block_images) * row["blocks"] for row in rows])
    hours = np.array([row["cost_s"] for row in rows]) / 3600
    with figure([path], _SIZE) as drawing:
        axes = drawing.add_subplot()
        axes.plot(images, hours[-1] * images / images[-1], color="#b8b8b8", label="proportional")
        axes.plot(images, hours, ".", label=f"{COST_NODES} machines, all that goes wrong")
        axes.set_xscale("log")
        axes.set_yscale("log")
        finish(axes, "images", "machine hours")


def measured(path: Path) -> tuple[Cluster, list[float], int]:
    """Return what `bench/ray_scaling.py` measured: the driver and the start, times of blocks, images of one.

    Raises
    ------
    ParseError
        For a file that is none of that benchmark's.
    """
    document = read_json(path, MAX_RESULT_BYTES)
    try:
        base = Cluster(dispatch_s=float(document["dispatch_s"]), start_s=float(document["worker_start_s"]))
        service_s, block = [float(each) for each in document["service_s"]], int(document["block_images"])
    except (KeyError, TypeError, ValueError) as error:
        raise ParseError(f"this was not written by bench/ray_scaling.py: {error!r}", where=str(path)) from None
    if not service_s or min(service_s) <= 0 or min(base.dispatch_s, base.start_s) < 0 or block < 1:
        raise ParseError("its times are not those of a run", where=str(path))
    return base, service_s, block


def simulate(args: argparse.Namespace, output: Output) -> int:
    """Simulate, print, draw and write."""
    base, service_s, block = measured(args.times)
    scaled, grown = by_nodes(base, service_s, args.nodes), by_images(base, service_s, COST_BLOCKS)
    args.output.mkdir(parents=True, exist_ok=True)
    draw_efficiency(scaled, args.output / "cluster_efficiency.svg")
    draw_cost(grown, block, args.output / "cluster_cost.svg")
    rows = [(name, *(f"{100 * row['efficiency']:.1f} %" for row in found)) for name, found in scaled.items()]
    output.result(table(("machines", *map(str, args.nodes)), rows, words=1))
    costs = [(count(row["blocks"] * block), f"{1e3 * row['cost_s'] / row['blocks'] / block:.3f} ms") for row in grown]
    output.result(table(("images", f"of {COST_NODES} machines an image"), costs, words=0))
    output.write_json({"base": asdict(base), "by_nodes": scaled, "by_images": grown}, "bench")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and simulate."""
    parser = new_parser("simulate_cluster.py", __doc__ or "")
    parser.add_argument("times", type=Path, metavar="JSON", help="what bench/ray_scaling.py --json wrote")
    parser.add_argument("-o", "--output", type=Path, default=Path(), metavar="FOLDER", help="for the drawings")
    parser.add_argument("--nodes", type=positive_int, nargs="+", default=list(NODES), metavar="N", help="machines")
    return run_command(parser, simulate, argv)


if __name__ == "__main__":
    sys.exit(program("simulate_cluster.py", main))
