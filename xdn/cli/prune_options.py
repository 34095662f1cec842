"""The options by which a command is told what to prune, and what it looks at for that."""

import argparse
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from xdn import api
from xdn.cli.common import Output, file_in_folder, given, positive_int
from xdn.cli.data_options import add_data_options, finder
from xdn.errors import SettingError
from xdn.files import write_atomically
from xdn.graph import Net

if TYPE_CHECKING:
    from xdn.data.dataset import Dataset, Progress
    from xdn.optimize.prune.config import PruneConfig
    from xdn.optimize.prune.pruner import Pruned

#: What says nothing without --prune.
PRUNE_NEEDS: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("criterion", "schedule", "steps", "least", "reconstruct", "dump_config"), ("prune",)
)


def add_prune_options(parser: argparse.ArgumentParser) -> None:
    """Add what `pruned` reads."""
    add = parser.add_argument_group("pruning, before the stages").add_argument
    add(
        "--prune", metavar="BUDGET",
        help="0.3: that share of the removable filters goes; macs=0.45, params=0.5, macs+params=0.6, time=0.5: that "
        "share of multiplications, of parameters, of each of both, or of the time on this machine stays; macs=35M, "
        "time=300us: so much of an image; or a file, see --dump-config",
    )  # fmt: skip
    add("--criterion", metavar="NAME", help="what a filter matters (default: activation with data, else l2)")
    add("--schedule", metavar="NAME", help="how it is spread (default: per-mac with data, else uniform)")
    add("--steps", type=positive_int, metavar="N", help="approach the budget in N steps (default: 1)")
    add("--least", type=float, metavar="SHARE", help="of a layer's filters, that stays in any case")
    add(
        "--reconstruct", action=argparse.BooleanOptionalAction, default=None,
        help="fit the layers after pruned ones to what they computed before (default: where there is data)",
    )  # fmt: skip
    add("--images", type=positive_int, metavar="N", help="calibration images")
    add("--seed", type=int, metavar="N", help="of the choice of images, of the criterion random, and of codebooks")
    add("--recalibrate", type=positive_int, metavar="N", help="take BatchNorm's statistics anew over N training images")
    add("--dump-config", type=file_in_folder, metavar="FILE", help="write the effective configuration, for --prune")
    add_data_options(parser, "what the net names", "train")


def pruned(args: argparse.Namespace, net: Net, output: Output, progress: "Progress | None" = None) -> "Pruned":
    """Return what is left of `net`, as the options want it."""
    from xdn.instruments import instruments
    from xdn.optimize.prune.pruner import prune

    data = _images(args, net)
    config = _config(args, data is not None)
    if args.dump_config:
        write_atomically(args.dump_config, api.prune_config_text(config).encode())
        output.log(f"written: {args.dump_config}")
    return prune(net, config, instruments(net, data, config.images, config.seed), progress)


def _images(args: argparse.Namespace, net: Net) -> "Dataset | None":
    from xdn.instruments import training_images

    return training_images(args.data, net, finder(args), args.split)


def _config(args: argparse.Namespace, with_data: bool) -> "PruneConfig":
    from xdn.optimize.prune.config import Budget, PruneConfig

    if args.prune.endswith((".prototxt", ".txt")):
        config = api.read_prune_config(args.prune)
    else:
        config = PruneConfig(Budget.parse(args.prune))
        if with_data:
            config = replace(config, criterion="activation", schedule="per-mac", reconstruct=True)
    names = {field.name for field in fields(config)} - {"budget", "rules"}
    return replace(config, **given(args, *names))


def recalibrated(args: argparse.Namespace, net: Net, progress: "Progress | None" = None) -> Net:
    """Return `net` with BatchNorm's statistics taken anew over the training images that the options name."""
    from xdn import instruments

    data = _images(args, net)
    if data is None:
        raise SettingError("--recalibrate needs training images", mend="Name the data with --data")
    return instruments.recalibrated(net, data, args.recalibrate, progress)
