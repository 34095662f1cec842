"""The options by which a command is told to quantize, and on which images."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from xdn import api, settings
from xdn.cli.common import given, number_between, positive_int
from xdn.cli.data_options import RANDOM, finder
from xdn.element import REAL
from xdn.errors import SettingError
from xdn.graph import Net
from xdn.graph.quantized import BITS

if TYPE_CHECKING:
    from xdn.data.dataset import Dataset, Progress
    from xdn.optimize.quantize.calibrate import Calibrated
    from xdn.optimize.quantize.config import CalibrationConfig
    from xdn.optimize.quantize.sensitivity import Sensitivity
    from xdn.optimize.quantize.weights_only import RoundedWeights

#: What stands for f32 where bits are named.
REAL_BITS = 8 * REAL.bytes
_OF_IMAGES = (
    "calibration_images", "observer", "equalize", "learn_rounding", "correct_bias", "integer_weights", "max_drop",
    "mixed", "sensitivity",
)  # fmt: skip
#: What says nothing without --calibrate, or others.
QUANTIZE_NEEDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_OF_IMAGES, ("calibrate",)),
    "keep_ends": ("calibrate", "bits"),
    "keep_f32": ("calibrate", "bits", "codebooks"),
}


def add_quantize_options(parser: argparse.ArgumentParser) -> None:
    """Add what `calibrated` reads, beside the options of data."""
    add = parser.add_argument_group("8-bit integers, after the stages").add_argument
    add(
        "--calibrate", nargs="?", const="", metavar="DATA",
        help="let layers read 8-bit integers, whose scales are chosen by images of DATA (default: --data, else what "
        f"the net names; {RANDOM}: seeded pixels, for times alone); includes --emit-fused",
    )  # fmt: skip
    default = f"(default: {settings.CALIBRATION_IMAGES})"
    add("--calibration-images", type=positive_int, metavar="N", help=f"images that are looked at {default}")
    add("--observer", metavar="NAME", help=f"what chooses the scales (default: {settings.CALIBRATION_OBSERVER})")
    add(
        "--keep-f32", nargs="+", action="extend", metavar="LAYER",
        help="layers that compute in f32, as they are called once fused (see --explain); with --codebooks layers that "
        "keep their weights; patterns with *",
    )  # fmt: skip
    add(
        "--bits", type=_bits, metavar="W/A",
        help="of weights, and of what they are multiplied with, 1 to 8 each; the first and the last layer with weights "
        f"keep 8 of both (default: 8/8); W/{REAL_BITS}: weights alone are integers, all else is f32, and no images are "
        "needed (without --calibrate); train the net then (xdn-train)",
    )  # fmt: skip
    add("--keep-ends", action="store_true", default=None, help="the first and the last layer with weights stay in f32")
    add(
        "--equalize",
        action="store_true",
        default=None,
        help="scale channels first, so that one scale suits all of them",
    )
    add(
        "--learn-rounding", action="store_true", default=None,
        help="round weights up or down so that what layers give changes least",
    )  # fmt: skip
    add(
        "--correct-bias", action=argparse.BooleanOptionalAction, default=None,
        help="give biases what rounding takes from the mean of their channel (default: yes)",
    )  # fmt: skip
    add(
        "--integer-weights", action=argparse.BooleanOptionalAction, default=None,
        help="write weights as integers, in one byte each (default: yes)",
    )  # fmt: skip
    add(
        "--max-drop", type=points, metavar="POINTS",
        help="let layers stay in f32 where that is faster, and those that lose most for the time they save, until "
        "accuracy on other images of DATA is "
        "at most so many points of a hundred below that of f32",
    )  # fmt: skip
    add(
        "--mixed", action="store_true", default=None,
        help="let each layer read f32, bf16 or 8-bit integers, whatever is fastest for the net on this machine within "
        f"--max-drop (default: {settings.MAX_DROP:g}); --explain says why",
    )  # fmt: skip
    add(
        "--sensitivity", action="store_true", default=None,
        help="measure what each layer loses: its values, accuracy with it alone and all others quantized",
    )  # fmt: skip


def _bits(text: str) -> tuple[int, int]:
    """Return an option's text as bits of weights and of what they are multiplied with."""
    numbers = [int(part) if part.isascii() and part.isdigit() else 0 for part in text.split("/")]
    weights_only = numbers[1:] == [REAL_BITS]
    if len(numbers) != 2 or not all(1 <= number <= BITS for number in numbers[: 2 - weights_only]):
        what = f"is not two numbers of bits from 1 to {BITS}, such as 4/4, or such as 1/{REAL_BITS}"
        raise argparse.ArgumentTypeError(f"{text!r} {what}")
    return numbers[0], numbers[1]


def weights_only(args: argparse.Namespace) -> bool:
    """Return whether weights alone are to have few bits; SettingError where images are given for that, or lacking."""
    asked: bool = args.bits is not None and args.bits[1] == REAL_BITS
    if args.bits is not None and not asked and args.calibrate is None:
        what = "what is multiplied with weights has its scales by images"
        raise SettingError(what, where="--bits {}/{}".format(*args.bits), mend="Name them: --calibrate DATA")
    if asked and args.calibrate is not None:
        what = f"--bits {args.bits[0]}/{REAL_BITS} rounds weights, for which no images are needed"
        raise SettingError(what, where="--calibrate", mend="Leave it out")
    return asked


def rounded(args: argparse.Namespace, net: Net) -> "RoundedWeights":
    """Return the fused `net` with weights of few bits."""
    from xdn.optimize.quantize.config import CalibrationConfig
    from xdn.optimize.quantize.weights_only import with_rounded_weights

    kept = CalibrationConfig(keep_f32=tuple(args.keep_f32 or ()), keep_ends=bool(args.keep_ends))
    return with_rounded_weights(net, args.bits[0], kept)


def points(text: str) -> float:
    """Return an option's text as points of a hundred."""
    return number_between(text, float, 0.0, 100.0, "a number from 0 to 100")


def calibration_data(args: argparse.Namespace, net: Net) -> "Dataset":
    """Return the images by which scales are chosen; SettingError where none are named."""
    count = args.calibration_images or settings.CALIBRATION_IMAGES
    return training_data(args, net, args.calibrate or args.data, "--calibrate", count, args.split)


def training_data(
    args: argparse.Namespace, net: Net, name: str | None, option: str, made_up: int, split: str | None = None
) -> "Dataset":
    """Return the images called `name`, else those that the net names, which `option` needs.

    Of random pixels there are `made_up` images; `split` is in place of the training images. SettingError where none
    are named, or the net reads none.
    """
    from xdn.data.random_images import RandomImages
    from xdn.instruments import training_images

    if name == RANDOM:
        shape = api.image_input(net)
        if shape is None:
            mend = "Give the data that it reads"
            raise SettingError("random pixels are for a net that reads images", where=f"{option} {RANDOM}", mend=mend)
        c, h, w = shape
        return RandomImages(made_up, (h, w, c))
    data = training_images(name, net, finder(args), split)
    if data is None:
        names = "--calibrate DATA" if option == "--calibrate" else "--data DATA"
        raise SettingError(f"{option} needs images", mend=f"Name the data: {names}")
    return data


def calibrated(
    args: argparse.Namespace, net: Net, data: "Dataset", shown: "Callable[[str], Progress]"
) -> "tuple[Calibrated, Sensitivity | None]":
    """Return the fused `net` with scales for 8-bit integers, and what layers lose where that is asked for.

    `shown` gives what is told of the progress of a thing.
    """
    from xdn import precision
    from xdn.optimize.quantize.sensitivity import sensitivity

    max_drop = settings.MAX_DROP if args.mixed and args.max_drop is None else args.max_drop
    found, instruments = precision.calibrated(net, data, _config(args), max_drop, shown, bf16=bool(args.mixed))
    lost = sensitivity(found, instruments, shown("sensitivity")) if args.sensitivity else None
    return found, lost


def _config(args: argparse.Namespace) -> "CalibrationConfig":
    from xdn.optimize.quantize.config import CalibrationConfig

    options = given(
        args, "observer", "keep_ends", "equalize", "learn_rounding", "correct_bias", "integer_weights", "bits"
    )
    if args.keep_f32:
        options["keep_f32"] = tuple(args.keep_f32)
    if args.calibration_images:
        options["images"] = args.calibration_images
    return CalibrationConfig(**options)
