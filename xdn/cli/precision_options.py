"""The options by which `xdn-run` is told in what numbers to compute, and the session that comes of them."""

import argparse
from functools import partial
from typing import Any

from xdn import settings
from xdn.cli.common import Output, shown
from xdn.cli.quantize_options import points, training_data
from xdn.cli.run_data import RunData
from xdn.data import Dataset
from xdn.errors import SettingError
from xdn.graph import Net
from xdn.kernels.core.choice import BF16, BF16X3, F32, FMA
from xdn.optimize.quantize.fastest import INT8
from xdn.precision import ASKED, AUTO, CALIBRATING, MIXED, Opened, in_precision, needs_images
from xdn.report.precision import precision_document, precision_table
from xdn.report.quantization import calibration_conclusion, calibration_document
from xdn.session import Session


def add_precision_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `opened` reads."""
    precisions = parser.add_mutually_exclusive_group()
    precisions.add_argument(
        "--precision", choices=ASKED,
        help=f"{F32}: with a tile unit (AMX) by sums of six products of bf16 parts, which err less than f32 sums; "
        f"{FMA}: by f32 arithmetic alone, to the same bits on every processor; {BF16X3}: with a tile unit by three "
        f"products, twice as fast and exact to 16 bits; {BF16}: layers read their bottoms and weights rounded to bf16, "
        f"8 bits, and sum up in f32, where the processor multiplies bf16; {INT8}: layers read 8-bit integers, whose "
        f"scales the net has, or are chosen now by {settings.CALIBRATION_IMAGES} training images; {MIXED}: each layer "
        f"reads f32, bf16 or 8-bit integers, whatever is fastest for the net within --max-drop; {AUTO}: the fastest of "
        f"{F32}, {BF16X3}, {BF16}, {INT8} and {MIXED} within --max-drop (default: {F32})",
    )  # fmt: skip
    precisions.add_argument(
        "--fma", dest="precision", action="store_const", const=FMA, help=f"the same as --precision {FMA}"
    )
    parser.add_argument(
        "--max-drop", type=points, metavar="POINTS",
        help=f"with {AUTO} and {MIXED}: so many points of a hundred of other training images may lose their label "
        f"(default: {settings.MAX_DROP:g}); with {INT8}: let layers stay in f32 until that holds",
    )  # fmt: skip


def opened(
    args: argparse.Namespace, output: Output, net: Net, data: RunData, how_run: dict[str, Any]
) -> tuple[Session, dict[str, Any]]:
    """Return the session that the options ask for, and what its JSON says of how it was found.

    `how_run` are options of sessions beside the precision.
    """
    precision = args.precision or F32
    if not args.fusion and precision in CALIBRATING:
        raise SettingError(f"{precision} is for nets that are fused", where="--no-fusion", mend="Leave it out")
    images: Dataset | None = None
    if needs_images(net, precision, args.max_drop):
        made_up = settings.CALIBRATION_IMAGES + settings.RANDOM_IMAGES
        images = training_data(args, net, args.data, f"--precision {precision}", made_up)
        output.log(f"images to choose by: {images.title}, {images.split}")
    asked = {"max_drop": args.max_drop, "scores": data.scores, "batch": args.batch}
    with output.progress() as bar:
        found = in_precision(
            net, precision, images, shown=partial(shown, bar), post_fusion=args.fusion, **asked, **how_run
        )
    return found.session, _told(output, found)


def _told(output: Output, found: Opened) -> dict[str, Any]:
    """Print how the session was found, and return what the JSON says of it."""
    document: dict[str, Any] = {"precision": found.precision}
    if found.calibrated is not None:
        output.log(calibration_conclusion(found.calibrated))
        document["calibration"] = calibration_document(found.calibrated)
    if found.verdict is not None:
        output.report(precision_table(found.verdict))
        document["precisions"] = precision_document(found.verdict)
    return document
