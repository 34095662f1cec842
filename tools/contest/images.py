#!/usr/bin/env python3
"""Write the test images of a data set as PNG files, and a list that keeps their order.

    python tools/contest/images.py --data cifar10 --images 10000 DIR

DIR/list.txt has "00000.png 3" on each line, the file and its label, as Caffe's ImageData reads it.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from xdn.cli.common import Output, new_parser, positive_int, run_command
from xdn.cli.entry import program
from xdn.data import find_dataset
from xdn.errors import DataError
from xdn.files import write_atomically

#: Images that are read from the data set at a time.
STEP = 500


def write(args: argparse.Namespace, output: Output) -> None:
    """Write the files; the list comes last, so that it names only what is there."""
    data = find_dataset(args.data)
    count = min(args.images, len(data))
    args.folder.mkdir(parents=True, exist_ok=True)
    # cv2.imwrite takes B,G,R: the files show the photos in their own colours.
    turn = -1 if data.channel_order == "rgb" else 1
    for start in range(0, count, STEP):
        stop = min(start + STEP, count)
        for number, image in enumerate(data.images(start, stop)[..., ::turn], start):
            path = args.folder / f"{number:05}.png"
            if not cv2.imwrite(str(path), np.ascontiguousarray(image)):
                raise DataError("the image cannot be written", where=str(path))
    lines = "".join(f"{number:05}.png {label}\n" for number, label in enumerate(data.labels[:count]))
    write_atomically(args.folder / "list.txt", lines.encode())
    output.log(f"{count} images of {data.title} in {args.folder}")


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and write."""
    parser = new_parser("images.py", __doc__ or "")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--data", help="a data set's name (default: CIFAR-10 where it is found, else Glyphs-10)")
    parser.add_argument("--images", type=positive_int, default=10_000, metavar="N", help="the first N of the test set")
    return run_command(parser, write, argv)


if __name__ == "__main__":
    sys.exit(program("images.py", main))
