#!/usr/bin/env python3
"""Compare search strategies at equal budget: every point is measured once, then searches take their scores from that.

All points of the run level are measured on the machine, on a ninth, a third and all of the images, the last twice. On
these scores, with noise as large as that between the two, each strategy searches with several seeds. What it would
choose is judged by the measured scores: how many times slower than the best of all points.

    python bench/searches.py --net prototxt/resnet20_cifar10/resnet20.prototxt --json searches.json --plot searches.png
    python bench/searches.py --net prototxt/resnet20_cifar10/resnet20.prototxt --surface surface.json
"""

import argparse
import json
import sys
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from inputs import add_net_options, find_inputs
from machine import describe_machine
from rich.box import SIMPLE_HEAD
from rich.table import Table
from search_plot import draw_strategies

from xdn.cli.common import Output, new_parser, positive_int, run_command, shown
from xdn.cli.entry import program
from xdn.errors import DataError
from xdn.evaluate.objective import ContestTime
from xdn.runtime.configuration import Configuration
from xdn.session import Session
from xdn.tune.axes import configuration_of, run_space
from xdn.tune.dialogue import Dialogue
from xdn.tune.meter import Meter
from xdn.tune.search import SEARCHES, Hints
from xdn.tune.space import Point, Space

#: What is measured of every point: shares of the images.
SHARES = (1 / 9, 1 / 3, 1.0, 1.0)
#: What a trial costs beside its measurement, in full measurements: a session is made and warmed up.
OVERHEAD = 0.15


@dataclass(frozen=True)
class Surface:
    """The measured scores of every point of a space.

    Parameters
    ----------
    space : Space
    scores : mapping
        Point -> scores at `SHARES`, relative to the default's.
    """

    space: Space
    scores: dict[Point, list[float]]

    def truth(self, point: Point) -> float:
        """Return what is known best of a point."""
        return float(np.mean(self.scores[point][2:]))

    @property
    def best(self) -> float:
        """The best point's score."""
        return min(map(self.truth, self.scores))

    @property
    def noise(self) -> float:
        """By how much two whole measurements of a point differ, as a part of them: a standard deviation."""
        pairs = [scores[2:] for scores in self.scores.values() if max(scores) < inf]
        return float(np.std([np.log(a / b) for a, b in pairs]) / np.sqrt(2))

    def score(self, point: Point, share: float, rng: np.random.Generator) -> float:
        """Return a score as a measurement would give it."""
        scores = self.scores[point]
        measured = self.truth(point) if share >= 1 else scores[0 if share < 1 / 5 else 1]
        return measured * float(np.exp(self.noise / np.sqrt(share) * rng.standard_normal()))


def measured_surface(args: argparse.Namespace, output: Output) -> Surface:
    """Return the surface of a net on this machine."""
    inputs = find_inputs(args, output)
    assert inputs.path is not None
    net = Session(inputs.net).net

    def make(configuration: Configuration) -> Session:
        return Session(net, post_fusion=False, configuration=configuration)

    space, base = run_space(args.threads, None), Configuration(threads=args.threads)
    meter = Meter(make, ContestTime(inputs.path, inputs.pixels, args.images), (base, None))
    scores: dict[Point, list[float]] = {point: [] for point in space}
    rng = np.random.default_rng(0)
    with output.progress() as bar:
        progress = shown(bar, "points")
        for number, share in enumerate(SHARES):
            # In another order each time, so that no point always has the same neighbours.
            points = list(space)
            rng.shuffle(points)
            for done, point in enumerate(points, 1):
                scores[tuple(point)].append(
                    meter.score((configuration_of(space.values(point), base), None), share).ratio
                )
                progress(number * len(points) + done, len(SHARES) * len(points))
    meter.close()
    return Surface(space, scores)


def searched(surface: Surface, strategy: str, budget: float, seed: int) -> list[tuple[float, float]]:
    """Return (spent, truth of what would be chosen) after each trial of a search."""
    rng = np.random.default_rng(10_000 + seed)
    start = min(surface.scores, key=lambda point: abs(surface.truth(point) - 1))
    hints = Hints(budget / (1 + OVERHEAD), start)
    search = Dialogue(SEARCHES[strategy](surface.space, np.random.default_rng(seed), hints))
    known: dict[Point, tuple[float, float]] = {}
    path: list[tuple[float, float]] = []
    spent = 0.0
    while search.asked:
        point, share = search.asked
        spent += share + OVERHEAD
        if spent > budget:
            break
        score = surface.score(point, share, rng)
        search.tell(score)
        known[point] = (-share, score)
        # The default is measured beside every trial: what is worse is never chosen.
        chosen = min(known, key=known.__getitem__)
        path.append((spent, min(1.0, surface.truth(chosen))))
    return path


def compared(surface: Surface, budget: float, seeds: int) -> dict[str, Any]:
    """Return strategy -> how many times the best point's time its choices take, and its paths."""
    found = {}
    for strategy in SEARCHES:
        whole = inf if strategy == "grid" else budget
        paths = [searched(surface, strategy, whole, seed) for seed in range(seeds)]
        over = [path[-1][1] / surface.best for path in paths]
        found[strategy] = {
            "median": median(over), "worst": max(over), "spent": median(path[-1][0] for path in paths), "paths": paths,
        }  # fmt: skip
    return found


def search_table(found: dict[str, Any]) -> Table:
    """Return a table with a row a strategy."""
    table = Table("strategy", box=SIMPLE_HEAD)
    for name in ("spent, full measurements", "time / best: median", "worst"):
        table.add_column(name, justify="right")
    for strategy, row in found.items():
        table.add_row(strategy, f"{row['spent']:.0f}", f"{row['median']:.3f}", f"{row['worst']:.3f}")
    return table


def _loaded(path: Path, threads: int) -> Surface:
    """Return a surface that an earlier run wrote."""
    space = run_space(threads, None)
    rows = json.loads(path.read_text())["surface"]
    scores = {space.point(row["values"]): [inf if s is None else s for s in row["scores"]] for row in rows}
    if set(scores) != set(space):
        raise DataError("these are the scores of another space", where=str(path), mend="Measure them again")
    return Surface(space, scores)


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure, search, and print."""
    surface = _loaded(args.surface, args.threads) if args.surface else measured_surface(args, output)
    found = compared(surface, args.budget, args.seeds)
    output.result(search_table(found))
    default = 1 / surface.best
    output.result(
        f"{surface.space.size} points, noise {surface.noise:.1%}; the default takes {default:.3f} times the best's time"
    )
    if args.plot:
        draw_strategies({name: row["paths"] for name, row in found.items() if name != "grid"}, surface.best, args.plot)
    rows = [
        {"values": surface.space.values(point), "scores": [None if s == inf else s for s in scores]}
        for point, scores in surface.scores.items()
    ]
    output.write_json(
        {
            "net": str(args.net),
            "budget": args.budget,
            "seeds": args.seeds,
            "default_over_best": default,
            "noise": surface.noise,
            "strategies": {name: {k: v for k, v in row.items() if k != "paths"} for name, row in found.items()},
            "machine": describe_machine(),
            "surface": rows,
        },
        "bench",
    )
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and compare."""
    parser = new_parser("searches.py", __doc__ or "")
    add_net_options(parser)
    parser.add_argument("--images", type=positive_int, default=2000, help="of a whole measurement (default: 2000)")
    parser.add_argument("--threads", type=positive_int, default=2)
    parser.add_argument("--budget", type=float, default=40.0, help="full measurements of a search (default: 40)")
    parser.add_argument("--seeds", type=positive_int, default=5, help="of each strategy (default: 5)")
    parser.add_argument("--surface", type=Path, metavar="JSON", help="take the scores of an earlier run")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="best so far over what was spent: .png or .svg")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("searches.py", main))
