"""The options by which `xdn-run` reads the values of inputs from files of arrays, and writes those of outputs."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from xdn import memory
from xdn.arrays import RAW_TYPES, read_array, read_arrays, read_raw, write_arrays
from xdn.cli.common import Output, result_file
from xdn.cli.run_data import RunData
from xdn.element import REAL
from xdn.errors import InputError, SettingError, placed
from xdn.evaluate.contestants import Job
from xdn.evaluate.feeds import feed_images, feed_parts
from xdn.graph import Array, Net
from xdn.memory import Need
from xdn.runtime.arguments import checked_feed

#: Files of NumPy's, by their endings: several arrays with names, and one.
_ARCHIVE, _ARRAY = ".npz", ".npy"


@dataclass(frozen=True)
class Given:
    """A file with values of inputs.

    Parameters
    ----------
    name : str
        The input; empty where the file says it, or the net has only one.
    path : Path
    kind : str
        Number type of a raw file.
    """

    name: str
    path: Path
    kind: str


def add_array_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that this module reads."""
    add = parser.add_argument_group("arrays in place of images").add_argument
    kinds = ", ".join(RAW_TYPES)
    add(
        "--input", action="append", default=[], type=_given, metavar="[NAME=]FILE",
        help="values of an input, axis 0 the batch: .npz, whose arrays have the names of inputs, .npy, or raw "
        f"little-endian numbers, FILE:TYPE of {kinds} (default: f32); NAME is needed of several inputs, once for each",
    )  # fmt: skip
    add("--outputs", type=result_file, metavar="FILE.npz", help="write the values of all outputs, by their names")


def _given(text: str) -> Given:
    """Return what an option's text names."""
    name, _, file = text.rpartition("=")
    path, _, kind = file.rpartition(":")
    typed = bool(path) and kind in RAW_TYPES
    path, kind = (path, kind) if typed else (file, "f32")
    if not path or (not name and "=" in text):
        raise argparse.ArgumentTypeError(f"{text!r} is not [NAME=]FILE, such as data=images.npy")
    if typed and Path(path).suffix.lower() in (_ARCHIVE, _ARRAY):
        raise argparse.ArgumentTypeError(f"{text!r}: NumPy's files say of what type their numbers are")
    return Given(name, Path(path), kind)


def given_data(args: argparse.Namespace, net: Net | None) -> RunData:
    """Return the values that --input names, for all inputs of a net."""
    where = "--input"
    if net is None:
        raise SettingError("values are for the inputs of a net, and none is named", where=where, mend="Name a PROTOTXT")
    for option, said in (("--data", args.data), ("--score", args.score), ("--min-accuracy", args.min_accuracy)):
        if said is not None:
            raise SettingError("arrays have no labels, and stand in place of images", where=option, mend="Leave it out")
    arrays: dict[str, Array] = {}
    for each in args.input:
        arrays |= _read(net, each)
    with placed(where, InputError):
        feed = checked_feed(net, arrays)
    if args.images is not None:
        feed = dict(feed_parts(net, feed, args.images)[0])
    title = f"{feed_images(net, feed)} of {', '.join(each.path.name for each in args.input)}"
    return RunData(title, None, None, None, "arrays have no labels", feed=feed)


def _read(net: Net, given: Given) -> dict[str, Array]:
    """Return name -> array of a file."""
    suffix = given.path.suffix.lower()
    if suffix == _ARCHIVE:
        arrays = read_arrays(given.path)
        found = arrays if len(arrays) > 1 or not given.name else {given.name: next(iter(arrays.values()))}
    else:
        name = given.name or _only(net)
        if name not in net.inputs:
            known = ", ".join(net.inputs)
            raise InputError(f"the net has no input {name!r}", where="--input", mend=f"Its inputs: {known}")
        shape = net.inputs[name].shape[1:]
        found = {name: read_array(given.path) if suffix == _ARRAY else read_raw(given.path, given.kind, shape)}
    return {name: _as_read(array) for name, array in found.items()}


def _only(net: Net) -> str:
    """Return the name of the net's only input."""
    if len(net.inputs) > 1:
        known = ", ".join(net.inputs)
        raise InputError(f"the net has several inputs: {known}", where="--input", mend="Say which with NAME=FILE")
    return next(iter(net.inputs))


def _as_read(array: Array) -> Array:
    """Return an array in the numbers that sessions take: fractions as f32, whole numbers in the machine's order."""
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(array, REAL.numpy)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def write_outputs(path: Path, job: Job, output: Output) -> None:
    """Run all images once more, and write what the net gives for them.

    Raises
    ------
    InputError
        Where calls give arrays that are not parts of one, such as different numbers of detections.
    """
    net = job.session.net
    images = len(job.labels)
    needs = [Need(name, 4 * images * prod(net.blobs[name].shape[1:])) for name in net.outputs]
    memory.require(needs, "keeping all outputs", "Take fewer with --images")
    calls = list(job.calls())
    with _told_apart():
        arrays = {name: _joined([call[place] for call in calls]) for place, name in enumerate(net.outputs)}
    write_arrays(path, arrays)
    output.log(f"written: {path}")


def _joined(parts: Sequence[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        mend = "Take as many images as one call has: --images and --batch"
        raise InputError(
            f"calls gave arrays that are not parts of one: {error}", where="--outputs", mend=mend
        ) from None
