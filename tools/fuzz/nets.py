#!/usr/bin/env python3
"""Make random nets, and compare all ways to compute them: the oracle, the references, sessions, optimized nets.

Then some layers of each read 8-bit integers: sessions must give the same ones as the references.

    python -m tools.fuzz.nets --seed 1 --count 2000 --jobs 2
    python -m tools.fuzz.nets --seed 1 --only 1234               # one of them again

A net fails where a way gives other values than the oracle, or ends in an exception; the first of each kind of failure
is printed, and kept in --folder. Nets run in processes of their own, under the limits of tools.fuzz.run.
"""

import argparse
import re
import sys
import traceback
from collections.abc import Mapping

import numpy as np

from tools.fuzz import run
from tools.fuzz.expected import Expected
from tools.fuzz.integers import check_integers
from tools.fuzz.mutate import Mutator
from tools.fuzz.net_maker import make_net
from tools.fuzz.targets import Target
from tools.fuzz.worker import Failure
from xdn import Session, optimize
from xdn.cli.common import Output, new_parser, run_command, shown
from xdn.cli.entry import program
from xdn.errors import XdnError
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt
from xdn.frontend.weights import random_weights
from xdn.graph import Net
from xdn.graph.verify import verify
from xdn.kernels.core.layout import SCHEDULES
from xdn.optimize.check import reference
from xdn.runtime.arguments import parted_batches

Array = np.ndarray
_HEAD = re.compile(rb"# images: (\d+) threads: (\d+)\n")


class DifferenceError(Exception):
    """A way to compute a net gives something else than the others; `kind` says which way."""

    def __init__(self, way: str, what: str):
        self.kind = f"difference: {way}"
        super().__init__(f"{way}: {what}")


def _read(content: bytes) -> tuple[Net, dict[str, Array], int]:
    """Return a net with random weights, what it is fed, and the threads of its sessions."""
    head = _HEAD.match(content)
    if head is None:
        raise XdnError("the first line does not say how many images run")
    images, threads = map(int, head.groups())
    net = random_weights(net_from_message(prototxt.parse(content.decode())))
    declared = next(iter(net.inputs.values())).shape[0]
    rng = np.random.default_rng(images)
    feed = {}
    for number, (name, blob) in enumerate(net.inputs.items()):
        batch = images if blob.shape[0] == declared else blob.shape[0]
        # Of some, inputs that declare one batch come with several.
        batch += number if images % 4 == 1 else 0
        # Some nets get images of another size, where they take it.
        sizes = [extent + (images % 3 == 2) for extent in blob.shape[2:]]
        values = rng.standard_normal((batch, *blob.shape[1:2], *sizes))
        # Of some, many values are equal: ArgMax takes the last one.
        feed[name] = (np.round(2 * values) / 2 if images % 2 else values).astype(np.float32)
    return net, feed, threads


def _compare(way: str, expected: Expected, found: Mapping[str, Array]) -> None:
    for name, array in found.items():
        if (wrong := expected.difference(name, array)) is not None:
            raise DifferenceError(way, wrong)


def _check_arguments(session: Session, arrays: Mapping[str, Array]) -> None:
    """Compare what a session says of its inputs and outputs with what they are."""
    batch = next(iter(arrays.values())).shape[0]
    for argument in (*session.get_inputs(), *session.get_outputs()):
        shape = arrays[argument.name].shape
        known = [batch if said == "N" else said for said in argument.shape]
        if len(known) != len(shape) or any(isinstance(a, int) and a != b for a, b in zip(known, shape, strict=True)):
            raise DifferenceError("arguments", f"{argument.name!r}, {argument.shape} by the session, is {shape}")


def check(content: bytes) -> None:
    """Compute a net in all ways; raise XdnError where it cannot take so many images.

    Raises
    ------
    DifferenceError
        Where the ways differ.
    """
    net, feed, threads = _read(content)
    sized = net.reshape({name: array.shape for name, array in feed.items()})
    try:
        verify(sized)
    except XdnError:
        for schedule in SCHEDULES:
            _refuses(net, feed, schedule)
        raise
    expected = Expected.of(sized, feed)
    if not all(np.isfinite(value).all() for value in expected.values.values()):
        return
    _compare("reference", expected, reference(sized, feed))
    every = list(net.blobs)
    shapes = {name: array.shape for name, array in feed.items()}
    as_declared = all(shape[1:] == net.blobs[name].shape[1:] for name, shape in shapes.items())
    try:
        optimized = optimize(net).net
        for schedule in SCHEDULES:
            plain = Session(net, post_fusion=False, schedule=schedule, threads=threads)
            found = dict(zip(every, plain.run(every, feed), strict=True))
            _compare(f"session, {schedule}", expected, found)
            if as_declared and not parted_batches(net, shapes):
                _check_arguments(plain, found)
            fused = Session(optimized, schedule=schedule, threads=threads)
            _compare(f"optimized, {schedule}", expected, fused.forward(**feed))
        check_integers(optimized, feed, threads, seed=len(content))
    except XdnError as error:
        raise DifferenceError(type(error).__name__, str(error)) from error


def _refuses(net: Net, feed: Mapping[str, Array], schedule: str) -> None:
    """Raise DifferenceError where a session computes a net that the references cannot."""
    try:
        Session(net, post_fusion=False, schedule=schedule).run(None, feed)
    except XdnError:
        return
    raise DifferenceError("refused", f"the net does not take so many images, but runs in the {schedule} schedule")


#: As a target of the fuzzer: its inputs are made, not mutated.
NETS = Target("nets", check, tuple, made=lambda rng: make_net(rng).encode())


def _again(args: argparse.Namespace, output: Output) -> int:
    """Run one net in this process, with its text and all that is wrong with it."""
    content = Mutator.of(NETS).input(args.seed, args.only)
    output.result(*content.decode().splitlines())
    code, came = 0, "all ways give the same"
    try:
        check(content)
    except XdnError as error:
        came = f"refused: {error}"
    except Exception:
        # Whatever it was is the result here.
        code, came = 3, traceback.format_exc()
    output.result(*came.splitlines())
    output.write_json({"seed": args.seed, "only": args.only, "net": content.decode(), "result": came}, "fuzz")
    return code


def _told(seed: int, failures: list[Failure]) -> list[str]:
    """Return, line by line, the first net of each kind of failure, and how to run it again."""
    lines = []
    for failure in {each.kind: each for each in reversed(failures)}.values():
        lines += [failure.kind, *failure.detail.splitlines()[-1:]]
        lines.append(f"python -m tools.fuzz.nets --seed {seed} --only {failure.number}")
        lines += Mutator.of(NETS).input(seed, failure.number).decode().splitlines()
    return lines


def fuzz(args: argparse.Namespace, output: Output) -> int:
    """Run the nets and print the table; return 3 where one failed."""
    if args.only is not None:
        return _again(args, output)
    campaign = run.Campaign(args.seed, args.seconds_per_input, args.memory << 20)
    with output.progress() as bar:
        found = run.run_target(NETS.name, args.count, campaign, args.jobs, shown(bar, NETS.name))
    for line in (*run.keep(args.folder, NETS.name, args.seed, found.failures), *_told(args.seed, found.failures)):
        output.log(line)
    output.result(run.section({NETS.name: found}).table())
    output.write_json(run.document(args, {NETS.name: found}), "fuzz")
    return 3 if found.failures else 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and run the nets."""
    parser = new_parser("python -m tools.fuzz.nets", __doc__ or "")
    parser.add_argument("--only", type=int, metavar="N", help="run net N alone and print all about it")
    run.add_options(parser, seconds=120.0, memory=2048)
    return run_command(parser, fuzz, argv)


if __name__ == "__main__":
    sys.exit(program("python -m tools.fuzz.nets", main))
