"""The options by which every command is told of its images, and how they are read."""

import argparse
from functools import partial
from pathlib import Path

from xdn import frontend, settings
from xdn.cli.common import Output
from xdn.data.dataset import SPLITS, Size
from xdn.data.source import Find, find_data
from xdn.graph import Net

#: The data that needs none.
RANDOM = "random"
#: What `--data` takes, as its help says it.
DATA = "a packed file, a data set's name, a folder of images by class, a list file, or the folder that holds CIFAR-10"


def add_data_options(
    parser: argparse.ArgumentParser, default: str, split: str | None = None, also: str = ""
) -> argparse._ArgumentGroup:
    """Add the options that `finder` reads; return their group.

    Parameters
    ----------
    parser : ArgumentParser
    default : str
        What is taken without ``--data``, in words.
    split : str, optional
        The split that is taken without ``--split``; None for a command that takes both, which has no such option.
    also : str
        What ``--data`` takes beside `DATA`, in words.
    """
    group = parser.add_argument_group("data")
    group.add_argument("--data", metavar="DATA", help=f"{DATA}{also} (default: {default})")
    if split:
        group.add_argument("--split", choices=SPLITS, help=f"of a data set (default: {split}); a packed file has one")
    group.add_argument(
        "--size", type=image_size, metavar="HxW",
        help="resize image files, bilinear, before anything else is done to them",
    )  # fmt: skip
    group.add_argument(
        "--data-order", choices=("rgb", "bgr"),
        help="hand the images over with their channels in this order (default: the data's; of files: bgr)",
    )  # fmt: skip
    group.add_argument("--download", action="store_true", help="fetch the data set where it is not found")
    return group


def finder(args: argparse.Namespace) -> Find:
    """Return `find_data` with what the options say of it."""
    return partial(find_data, size=args.size, channel_order=args.data_order, download=args.download)


def tell_transform(path: Path, net: Net, output: Output) -> dict[str, str]:
    """Warn where a file beside the net suggests a transform that it lacks; return what the JSON says of that."""
    found = frontend.suggested_transform(net, path)
    if found is None:
        return {}
    output.log(f"warning: images go into the net as they are, 0..255; {found.file} suggests {found.options}")
    return {"suggested_transform": found.options}


def image_size(text: str) -> Size:
    """Return (height, width) of an option's text, such as 224x224."""
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and len(text) < 16):
        raise argparse.ArgumentTypeError(f"{text!r} is not HxW, such as 224x224")
    if not 0 < int(height) * int(width) <= settings.MAX_IMAGE_PIXELS:
        raise argparse.ArgumentTypeError(f"{text}: 1 to {settings.MAX_IMAGE_PIXELS} pixels are possible")
    return int(height), int(width)
