"""The options by which commands are told of a net: its files, its phase, what is done to its images."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from xdn import api, settings
from xdn.cli.common import Output, given, number_between, positive_float, positive_int
from xdn.errors import SettingError, WeightsError
from xdn.files import check_folder
from xdn.frontend import find_weights, frontend_of, writer_of
from xdn.frontend.caffe import Caffe
from xdn.graph import Net
from xdn.graph.summary import NetSummary, summarize
from xdn.report.net import joining_line


def add_net_options(parser: argparse.ArgumentParser, *, optional: bool = False, weights_needed: bool = True) -> None:
    """Add the net and all options that `load_net` reads.

    Parameters
    ----------
    parser : ArgumentParser
    optional : bool
        Allow the command to run without a net.
    weights_needed : bool
        As `load_net` is told; a command that needs none computes no images, and gets no options for their transform.
    """
    parser.add_argument("net", nargs="?" if optional else None, type=Path, metavar="PROTOTXT", help="the net")
    files = parser.add_argument_group("weights")
    choice = files.add_mutually_exclusive_group()
    default = "the only .caffemodel beside PROTOTXT" if weights_needed else "none"
    choice.add_argument("--weights", type=Path, metavar="FILE", help=f"default: {default}")
    choice.add_argument("--random-weights", action="store_true", help="seeded random weights instead of trained ones")
    files.add_argument(
        "--partial-weights", action="store_true",
        help="take the weights that fit, leave out the others, and fill layers that get none by their fillers",
    )  # fmt: skip
    state = parser.add_argument_group("which layers of a training net take part")
    state.add_argument("--phase", choices=("TEST", "TRAIN"), default="TEST", help="default: TEST")
    state.add_argument("--level", type=_int32, default=0, metavar="N", help="level that include rules ask for")
    state.add_argument("--net-stage", action="append", default=[], metavar="NAME", help="stage that rules ask for")
    add_input_shape_option(parser)
    add_plugin_option(parser)
    if weights_needed:
        add_transform_options(parser)


def add_input_shape_option(parser: argparse._ActionsContainer) -> None:
    """Add the shapes of the inputs, which some nets do not tell."""
    parser.add_argument(
        "--input-shape", action=_InputShapes, type=_input_shape, metavar="[NAME=]C,H,W",
        help="of the only input, where the net lacks it, without the batch: of images C,H,W, of films C,D,H,W, of "
        "features C; of several inputs NAME=C,H,W, once for each",
    )  # fmt: skip


def add_plugin_option(parser: argparse._ActionsContainer) -> None:
    """Add the files that bring layer types."""
    parser.add_argument(
        "--layer-plugin", action="append", default=[], type=Path, metavar="FILE.py",
        help="a Python file of your own that defines layer types which XDN lacks; it is run",
    )  # fmt: skip


class _InputShapes(argparse.Action):
    """Keeps one shape, or shapes by the names of inputs."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        (name, shape), found = values, getattr(namespace, self.dest)
        if name and not isinstance(found, tuple):
            setattr(namespace, self.dest, (found or {}) | {name: shape})
        elif not name and found is None:
            setattr(namespace, self.dest, shape)
        else:
            raise argparse.ArgumentError(self, "of several shapes each is NAME=C,H,W")


def add_transform_options(parser: argparse.ArgumentParser) -> None:
    """Add what stands above the net's own `transform_param`: y = (x - mean) * scale / std on a central crop."""
    group = parser.add_argument_group("images, in place of the net's own transform_param")
    mean = group.add_mutually_exclusive_group()
    mean.add_argument("--mean-file", metavar="FILE", help="a mean image, binaryproto or .npy")
    mean.add_argument("--mean-value", type=_numbers, metavar="V[,V,V]", help="one mean, or one a channel")
    group.add_argument("--scale", type=_number, metavar="F", help="factor after the mean is subtracted")
    group.add_argument("--std", type=_positive_numbers, metavar="S[,S,S]", help="divisor, one or one a channel")
    group.add_argument("--crop", dest="crop_size", type=positive_int, metavar="PIXELS", help="side of the central crop")
    group.add_argument("--channel-order", choices=("rgb", "bgr"), help="the order that the net expects")


def load_net(args: argparse.Namespace, output: Output, *, weights_needed: bool = True) -> Net:
    """Return the net that the options describe, with the transform that they ask for.

    Parameters
    ----------
    args : Namespace
        Of a parser with `add_net_options`.
    output : Output
        Told which weights were taken.
    weights_needed : bool
        Whether weights are looked for beside the prototxt when none are named.
    """
    api.load_layers(args.layer_plugin)
    weights = args.weights
    if weights is None and weights_needed and not args.random_weights:
        try:
            weights = find_weights(args.net)
        except WeightsError:
            # What is wrong with the net itself comes first; and some nets have no weights.
            if not api.load(args.net, **_reading(args)).has_weights:
                raise
        if weights is not None:
            output.log(f"weights: {weights}")
    net = api.load(args.net, weights, **given(args, "random_weights", "partial_weights"), **_reading(args))
    tell_joining([layer.name for layer in net.joining], output)
    return transformed(args, net)


def net_summary(args: argparse.Namespace, output: Output) -> NetSummary:
    """Return the summary of the net that the options describe.

    Its layers may be of types that XDN lacks, unless weights are asked for: these are checked against every layer.
    """
    if args.weights is not None or args.random_weights:
        # Random ones are not drawn: nothing in the summary depends on a weight's value.
        args = argparse.Namespace(**{**vars(args), "random_weights": False})
        return summarize(load_net(args, output, weights_needed=False))
    api.load_layers(args.layer_plugin)
    summary = api.summary(args.net, **_reading(args))
    tell_joining(summary.joining, output)
    return summary


def tell_joining(names: Sequence[str], output: Output) -> None:
    """Warn of layers whose results depend on which images run together."""
    if (line := joining_line(names)) is not None:
        output.log(f"warning: {line}")


def written_form(net: Path, chosen: str | None = None) -> str:
    """Return the title of the format that is `chosen`; where none is, the one that the file `net` is of."""
    return chosen or frontend_of(net).title or Caffe.title


def check_target(stem: Path, form: str, read: Iterable[Path], option: str) -> None:
    """Raise SettingError where a net's files cannot be written as `stem`, or are among those that are `read`."""
    check_folder(stem.parent)
    suffixes = writer_of(form).suffixes
    written = {stem.with_name(f"{stem.name}{suffix}").resolve() for suffix in suffixes}
    if both := written & {path.resolve() for path in read}:
        raise SettingError(f"the output would overwrite {min(both)}", mend=f"Name another folder with {option}")


def _reading(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the options say of how the net's text is read."""
    return given(args, "phase", "level", "input_shape") | {"stages": tuple(args.net_stage)}


def transformed(args: argparse.Namespace, net: Net) -> Net:
    """Return `net` with what the options say of its images' transform."""
    changes = given(args, "mean_file", "mean_value", "scale", "std", "crop_size", "channel_order")
    return api.with_transform(net, **changes) if changes else net


def _int32(text: str) -> int:
    """Return an option's text as a value of protobuf's int32, in which a net's state is written."""
    return number_between(text, int, -(1 << 31), (1 << 31) - 1, "a whole number of 32 bits")


def _number(text: str) -> float:
    return number_between(text, float, -sys.float_info.max, sys.float_info.max, "a number")


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(_number(part) for part in text.split(","))


def _positive_numbers(text: str) -> tuple[float, ...]:
    return tuple(positive_float(part) for part in text.split(","))


def _input_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the name of an input, empty where none is said, and its shape without the batch."""
    name, _, shape = text.rpartition("=")
    extents = tuple(positive_int(part) for part in shape.split(","))
    if len(extents) >= settings.MAX_BLOB_AXES or (not name and "=" in text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a shape, such as 3,224,224, or data=3,224,224")
    return name, extents
