"""The options by which a command is told to quantize, and on which images."""

import argparse
from typing import TYPE_CHECKING

from xdn import settings
from xdn.cli.common import given, positive_int
from xdn.cli.data_options import finder
from xdn.errors import SettingError
from xdn.graph import Net

if TYPE_CHECKING:
    from xdn.data.dataset import Progress
    from xdn.optimize.quantize.calibrate import Calibrated


def add_quantize_options(parser: argparse.ArgumentParser) -> None:
    """Add what `calibrated` reads, beside the options of data."""
    add = parser.add_argument_group("8-bit integers, after the stages").add_argument
    add(
        "--calibrate", nargs="?", const="", metavar="DATA",
        help="let layers read 8-bit integers, whose scales are chosen by images of DATA (default: --data, else what "
        "the net names); includes --emit-fused",
    )  # fmt: skip
    default = f"(default: {settings.CALIBRATION_IMAGES})"
    add("--calibration-images", type=positive_int, metavar="N", help=f"images that are looked at {default}")
    add("--observer", metavar="NAME", help=f"what chooses the scales (default: {settings.CALIBRATION_OBSERVER})")
    add(
        "--keep-f32", nargs="+", action="extend", metavar="LAYER",
        help="layers that compute in f32, as they are called once fused (see --explain); patterns with *",
    )  # fmt: skip
    add("--keep-ends", action="store_true", default=None, help="the first and the last layer with weights stay in f32")
    add(
        "--correct-bias", action=argparse.BooleanOptionalAction, default=None,
        help="give biases what rounding takes from the mean of their channel (default: yes)",
    )  # fmt: skip
    add(
        "--integer-weights", action=argparse.BooleanOptionalAction, default=None,
        help="write weights as integers, in one byte each (default: yes)",
    )  # fmt: skip


def calibrated(args: argparse.Namespace, net: Net, progress: "Progress | None" = None) -> "Calibrated":
    """Return the fused `net` with scales for 8-bit integers, as the options want it."""
    from xdn.instruments import calibration, training_images
    from xdn.optimize.quantize.calibrate import calibrate
    from xdn.optimize.quantize.config import CalibrationConfig

    options = given(args, "observer", "keep_ends", "correct_bias", "integer_weights")
    if args.keep_f32:
        options["keep_f32"] = tuple(args.keep_f32)
    if args.calibration_images:
        options["images"] = args.calibration_images
    config = CalibrationConfig(**options)
    data = training_images(args.calibrate or args.data, net, finder(args), args.split)
    if data is None:
        raise SettingError("--calibrate needs images", mend="Name the data: --calibrate DATA")
    return calibrate(net, config, calibration(net, data, config.images), progress)
