#!/usr/bin/env python3
"""Measure what running in parts, and by Ray's workers, costs beside one process, and how time grows with images.

The same images in turn: by one process as a whole, in parts, and by 1 and 2 workers of a Ray cluster of this machine,
one thread each. A worker's time is that from its first image to its last result, with what lies between the blocks; how
near images that are done are to a straight line over time shows whether the cost grows with them. Last come parts of a
few images, which show what handing one out takes. Of several rounds the fastest counts. Needs the extra [ray].

    python bench/ray_scaling.py --net prototxt/resnet20_cifar10/resnet20.prototxt --images 20000 --json ray.json
    python tools/simulate_cluster.py ray.json -o docs/pictures
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from machine import describe_machine
from rich.table import Table
from table import place

from xdn import api, settings
from xdn.cli.common import Output, new_parser, positive_int, run_command
from xdn.cli.entry import program
from xdn.data import Dataset
from xdn.data.source import find_data, packed_in_cache
from xdn.data.views import first_images
from xdn.errors import DataError
from xdn.evaluate.answers import answers
from xdn.evaluate.scores import first_output
from xdn.frontend import find_weights
from xdn.graph import Net
from xdn.optimize import optimize
from xdn.ray import connected, run_parts
from xdn.report.quantities import duration
from xdn.report.section import table
from xdn.session import Session
from xdn.shards.folder import PartsFolder
from xdn.shards.merged import merged
from xdn.shards.work import Work, run_blocks

#: What is measured: name -> (workers of Ray, or None, threads of a process).
WHOLE, PARTS, RAY = "one process, {} thread(s)", "one process in parts, 1 thread", "Ray, {} worker(s) of 1 thread"
HANDED = "Ray, parts of a few images"
WORKERS = (1, 2)
#: Images of a part, and parts, where handing them out is measured.
_SMALL, _HANDED = 8, 150
#: The most repetitions of a data set that has fewer images than are asked for.
_MOST = 64


class Repeated(Dataset):
    """A data set's images again and again, until there are `count` of them."""

    def __init__(self, dataset: Dataset, count: int):
        for name in Dataset.__annotations__:
            setattr(self, name, getattr(dataset, name))
        self._dataset, times = dataset, -(-count // len(dataset))
        if times > _MOST:
            raise DataError(f"{len(dataset)} images are too few to make {count} of them")
        self.labels = np.tile(dataset.labels, times)[:count]

    def _images(self, start: int, stop: int) -> np.ndarray:
        whole = len(self._dataset)
        pieces, at = [], start
        while at < stop:
            begin = at % whole
            end = min(whole, begin + stop - at)
            pieces.append(self._dataset.images(begin, end))
            at += end - begin
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def straight_line(points: Sequence[tuple[int, float]]) -> float:
    """Return the largest deviation from the line through points, as a share of all.

    Parameters
    ----------
    points : sequence of (int, float)
        Images that were done, after so many seconds.
    """
    images, seconds = np.array(points).T
    slope, start = np.polyfit(images, seconds, 1)
    return float(np.abs(start + slope * images - seconds).max() / (slope * images.max()))


def whole(net: Net, images: Dataset, threads: int) -> dict[str, Any]:
    """Run all images as one run does, and return what they take."""
    work = work_of(net, images, threads)
    work.prepare(len(images))
    pixels = images.images()
    begin = time.perf_counter()
    answers(work.session, pixels, work.transform, scores=work.scores)
    seconds = time.perf_counter() - begin
    return {"s_an_image": seconds / len(images), "seconds": seconds}


def in_parts(work: Work, block: int, run: Callable[..., int]) -> dict[str, Any]:
    """Run all images in parts, and return what they take, and each block's seconds of computing."""
    with TemporaryDirectory() as folder:
        parts = PartsFolder.begin(Path(folder), work.run("net", block))
        begin = time.time()
        run(work, parts, parts.run.blocks())
        facts, result = [part.facts for part in parts.parts()], merged(parts)
    ended = sorted((each.began + each.seconds - begin, len(each.block)) for each in facts)
    done = np.cumsum([images for _, images in ended]).tolist()
    return {
        "s_an_image": 1 / sum(each.images / each.span_s for each in result.workers),
        "start_s": min(each.began for each in facts) - begin,
        "between": 1 - result.busy_s / sum(each.span_s for each in result.workers),
        "deviation": straight_line(list(zip(done, (seconds for seconds, _ in ended), strict=True))),
        "service_s": [each.seconds for each in facts],
    }


def work_of(net: Net, images: Dataset, threads: int) -> Work:
    """Return what is to be run."""
    session = Session(net, threads=threads)
    return Work(session, images, api.pixel_transform(net, images.shape, images.channel_order), first_output(net))


def measured(net: Net, images: Dataset, block: int, rounds: int, output: Output) -> dict[str, list[dict[str, Any]]]:
    """Return name -> what was measured in each round."""
    one = work_of(net, images, 1)
    ways: dict[str, Callable[[], dict[str, Any]]] = {
        **{WHOLE.format(threads): lambda threads=threads: whole(net, images, threads) for threads in WORKERS},
        PARTS: lambda: in_parts(one, block, run_blocks),
        **{
            RAY.format(workers): lambda workers=workers: in_parts(one, block, partial(run_parts, workers=workers))
            for workers in WORKERS
        },
    }
    few = work_of(net, first_images(images, _SMALL * _HANDED), 1)
    ways[HANDED] = lambda: in_parts(few, _SMALL, partial(run_parts, workers=max(WORKERS)))
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
            output.log(f"round {number + 1}, {name}: {duration(found[name][-1]['s_an_image'])} an image")
    return found


def summary(runs: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Return name -> the fastest of what was measured, and time an image over that of as many threads in a process."""
    found = {name: dict(min(each, key=lambda run: run["s_an_image"])) for name, each in runs.items()}
    for name, threads in {PARTS: 1, **{RAY.format(workers): workers for workers in WORKERS}}.items():
        found[name]["over_process"] = found[name]["s_an_image"] / found[WHOLE.format(threads)]["s_an_image"]
    return found


def scaling_table(found: dict[str, dict[str, Any]]) -> Table:
    """Return a table with a row a way to run."""
    rows = [
        (
            name,
            f"{1 / each['s_an_image']:.0f}",
            duration(each["s_an_image"]),
            f"{100 * (each['over_process'] - 1):+.1f} %" if "over_process" in each else "",
            f"{100 * each['between']:.1f} %" if "between" in each else "",
            duration(each["start_s"]) if "start_s" in each else "",
            f"{100 * each['deviation']:.1f} %" if "deviation" in each else "",
        )
        for name, each in found.items()
    ]
    columns = ("", "images/s", "an image", "beside a process", "between blocks", "start", "off the line")
    return table(columns, rows, words=1)


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure, print, and write."""
    net = optimize(api.load(args.net, find_weights(args.net))).net
    packed = packed_in_cache(find_data(args.data, split="test"))
    images = Repeated(packed, args.images) if args.images > len(packed) else first_images(packed, args.images)
    with connected():
        runs = measured(net, images, args.block, args.rounds, output)
    found = summary(runs)
    document = {
        "net": str(args.net),
        "data": images.title,
        "images": len(images),
        "block_images": args.block,
        "rounds": args.rounds,
        "machine": describe_machine(),
        "ways": found,
        "dispatch_s": _SMALL * found[HANDED]["s_an_image"],
        "worker_start_s": found[RAY.format(1)]["start_s"],
        "service_s": found[RAY.format(1)]["service_s"],
        "runs": runs,
    }
    output.result(scaling_table(found), place(document["machine"]))
    output.write_json(document, "bench")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("ray_scaling.py", __doc__ or "")
    add = parser.add_argument
    add("--net", type=Path, required=True, metavar="PROTOTXT")
    add("--data", metavar="NAME", help="as xdn-run takes it (default: CIFAR-10 where it is found)")
    add("--images", type=positive_int, default=10000, metavar="N", help="again from the first one where they end")
    add("--block", type=positive_int, default=settings.BLOCK_IMAGES, metavar="N", help="images of a part")
    add("--rounds", type=positive_int, default=1, metavar="N")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("ray_scaling.py", main))
