#!/usr/bin/env python3
"""Give every reader mutated inputs, and report what they do beyond accepting or refusing them.

    python -m tools.fuzz.run --target all --count 1000 --seed 1
    python -m tools.fuzz.run --target image --count 100000 --jobs 2 --folder build/fuzz

Inputs are run in processes of their own, which may have --memory MiB beyond what they start with, and of the
processor's time --seconds-per-input for each. A reader fails by an exception other than XdnError, by taking more, or by
ending the process; the first input of each kind of failure is kept in --folder. The same seed and number give the same
input.
"""

import argparse
import multiprocessing
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tools.fuzz.mutate import Mutator
from tools.fuzz.targets import TARGETS, find_target
from tools.fuzz.worker import Failure, Report, work
from xdn.cli.common import Output, new_parser, positive_int, run_command, shown
from xdn.cli.entry import program
from xdn.files import write_atomically
from xdn.report.section import Section

#: A process that does not answer for so many times the limit of an input is ended: it may have to wait for a processor.
_PATIENCE = 30.0
#: Seconds that a process may take to start.
_START_S = 600.0
_SPAWN = multiprocessing.get_context("spawn")


@dataclass
class Campaign:
    """What every process is told: the seed of the inputs and their limits."""

    seed: int
    seconds: float
    memory_bytes: int


@dataclass
class _Job:
    """Inputs `start` to `stop` of a target in a process, which is started again where one of them ends it."""

    name: str
    start: int
    stop: int
    campaign: Campaign
    report: Report = field(default_factory=Report)
    pipe: Connection = field(init=False)
    process: BaseProcess = field(init=False)
    #: The input that runs; None before the first.
    current: int | None = None

    def begin(self) -> None:
        """Start the process."""
        self.pipe, theirs = _SPAWN.Pipe(duplex=False)
        c = self.campaign
        told = (theirs, self.name, c.seed, self.start, self.stop, c.seconds, c.memory_bytes)
        self.process = _SPAWN.Process(target=work, args=told, daemon=True)
        self.process.start()
        theirs.close()
        self.current = None

    def hear(self) -> bool:
        """Take what the process sent; return whether it has ended."""
        try:
            said = self.pipe.recv()
        except EOFError:
            self.process.join()
            return self._ended(f"ended by {_signal_name(self.process.exitcode)}")
        if isinstance(said, Report):
            self.report.add(said)
            self.start += said.done
        else:
            self.current = said
        return False

    def stuck(self) -> bool:
        """End a process that does not answer; return whether that was the last input."""
        self.process.kill()
        self.process.join()
        return self._ended("hung, deaf to signals")

    def _ended(self, kind: str) -> bool:
        self.pipe.close()
        if self.start >= self.stop:
            return True
        if self.current is None:
            raise RuntimeError(f"the process for {self.name} did not start: {kind}")
        # The inputs before it, which no report had told of yet, did nothing unusual.
        self.report.add(Report(done=self.current + 1 - self.start, failures=[Failure(self.current, kind)]))
        self.start = self.current + 1
        if self.start < self.stop:
            self.begin()
        return self.start >= self.stop


def _signal_name(code: int | None) -> str:
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def run_target(
    name: str, count: int, campaign: Campaign, jobs: int = 1, told: Callable[[int, int], None] | None = None
) -> Report:
    """Run `count` inputs of a target in `jobs` processes; `told` hears how many are done."""
    edges = [count * number // jobs for number in range(jobs + 1)]
    running = [_Job(name, a, b, campaign) for a, b in pairwise(edges) if a < b]
    every = list(running)
    for job in running:
        job.begin()
    try:
        while running:
            patience = _PATIENCE * campaign.seconds if all(j.current is not None for j in running) else _START_S
            ready = wait([job.pipe for job in running], patience)
            for job in list(running):
                ended = job.hear() if job.pipe in ready else not ready and job.stuck()
                if ended:
                    running.remove(job)
            if told is not None:
                told(sum(job.report.done for job in every), count)
    finally:
        for job in running:
            job.process.kill()
    total = Report()
    for job in every:
        total.add(job.report)
    return total


def keep(folder: Path, name: str, seed: int, failures: list[Failure]) -> list[str]:
    """Write the first input of each kind of failure to `folder`; return a line for each kind."""
    kinds: dict[str, list[Failure]] = {}
    for failure in failures:
        kinds.setdefault(failure.kind, []).append(failure)
    mutator, lines = Mutator.of(find_target(name)), []
    for kind, found in kinds.items():
        path = folder / f"{name}-{seed}-{found[0].number}"
        write_atomically(path, mutator.input(seed, found[0].number))
        write_atomically(path.with_suffix(".txt"), f"{kind}\n{found[0].detail}".encode(errors="replace"))
        lines.append(f"{name}: {kind}, {len(found)} times, the first: {path}")
    return lines


def section(reports: dict[str, Report]) -> Section:
    """Return a row for each target."""
    columns = ("target", "inputs", "refused", "accepted", "failures", "slowest, ms", "memory, MiB")
    rows = [
        (
            name,
            f"{found.done:,}",
            f"{found.done - found.accepted - len(found.failures):,}",
            f"{found.accepted:,}",
            str(len(found.failures)),
            f"{found.slowest_s * 1e3:.1f}",
            f"{found.peak_bytes / (1 << 20):.0f}",
        )
        for name, found in reports.items()
    ]
    return Section("Fuzzing", columns, tuple(rows))


def fuzz(args: argparse.Namespace, output: Output) -> int:
    """Run the targets, print the table; return 3 where a reader failed."""
    names = list(TARGETS) if args.target == "all" else [args.target]
    campaign = Campaign(args.seed, args.seconds_per_input, args.memory << 20)
    reports: dict[str, Report] = {}
    with output.progress() as bar:
        for name in names:
            reports[name] = found = run_target(name, args.count, campaign, args.jobs, shown(bar, name))
            output.log(f"{name}: {found.done:,} inputs, {found.accepted:,} accepted, {len(found.failures)} failures")
            for line in keep(args.folder, name, args.seed, reports[name].failures):
                output.log(line)
    output.result(section(reports).table())
    output.write_json(document(args, reports), "fuzz")
    return 3 if any(found.failures for found in reports.values()) else 0


def document(args: argparse.Namespace, reports: dict[str, Report]) -> dict[str, Any]:
    """Return what came of a campaign, as JSON takes it."""
    return {"seed": args.seed, "count": args.count, "targets": {name: asdict(each) for name, each in reports.items()}}


def add_options(parser: argparse.ArgumentParser, *, seconds: float, memory: int) -> None:
    """Add the options of a campaign, with the limits of an input that hold by default: seconds, and MiB."""
    parser.add_argument("--count", type=positive_int, default=1000, metavar="N", help="inputs of each target")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the inputs (default: 1)")
    each = parser.add_argument_group("limits of an input")
    each.add_argument("--seconds-per-input", type=float, default=seconds, metavar="S", help=f"default: {seconds:g}")
    each.add_argument("--memory", type=positive_int, default=memory, metavar="MIB", help=f"default: {memory}")
    parser.add_argument("--jobs", type=positive_int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), metavar="DIR", help="for failing inputs")


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and run the targets."""
    parser = new_parser("python -m tools.fuzz.run", __doc__ or "")
    parser.add_argument("--target", choices=["all", *TARGETS], default="all", help="the reader (default: all)")
    add_options(parser, seconds=10.0, memory=512)
    return run_command(parser, fuzz, argv)


if __name__ == "__main__":
    sys.exit(program("python -m tools.fuzz.run", main))
