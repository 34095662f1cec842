"""The options by which a command is told to make codebooks of weights."""

import argparse
from typing import TYPE_CHECKING

from xdn.cli.common import given, positive_int
from xdn.graph import Net

if TYPE_CHECKING:
    from xdn.optimize.codebooks.coding import Coded, Progress

#: What says nothing without --codebooks.
CODEBOOK_NEEDS: dict[str, tuple[str, ...]] = {"centroids": ("codebooks",)}


def add_codebook_options(parser: argparse.ArgumentParser) -> None:
    """Add what `coded` reads, beside `--keep-f32` and `--seed`."""
    add = parser.add_argument_group("codebooks, after the stages").add_argument
    add(
        "--codebooks", nargs="?", const="small", choices=("small", "large"),
        help="write weights as blocks out of a codebook, a byte each: of 4 numbers of filters 1x1, 9 of 3x3 (small) or "
        "of 8 and 18 (large); train the net then, with xdn-train (without a value: small)",
    )  # fmt: skip
    add("--centroids", type=positive_int, metavar="N", help="blocks in a codebook, 256 at most (default: 256)")


def coded(args: argparse.Namespace, net: Net, progress: "Progress | None" = None) -> "Coded":
    """Return `net` with the codebooks that the options want."""
    from xdn.optimize.codebooks.coding import with_codebooks
    from xdn.optimize.codebooks.config import CodebookConfig

    options = given(args, "centroids", "seed")
    if args.keep_f32:
        options["keep_f32"] = tuple(args.keep_f32)
    return with_codebooks(net, CodebookConfig(args.codebooks, **options), progress)
