"""Preprocess a data set offline into one file that xdn-run maps into memory.

The data set is cifar10, glyphs10 (synthetic, needs no file), a FOLDER of images with one folder a class, or a LIST:
a text file with "path label" on each line. Without one: CIFAR-10 where it is found, else glyphs10. CIFAR-10 is looked
for in --data, else XDN_DATA, else ~/.cache/xdn.

  xdn-pack                                    the default data set, into the cache
  xdn-pack photos/ -o photos.packed --size 224x224
  xdn-pack --verify photos.packed
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from xdn import settings
from xdn.cli.common import Output, new_parser, run_command, shown
from xdn.data import DATASETS, find_dataset
from xdn.data.dataset import SPLITS, Size
from xdn.data.header import DTYPES, PackedHeader
from xdn.data.packed import PackedData, cached_path, pack
from xdn.data.resized import resized


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = new_parser("xdn-pack", __doc__)
    task = parser.add_mutually_exclusive_group()
    task.add_argument("dataset", nargs="?", metavar="DATASET", help="cifar10, glyphs10, FOLDER or LIST")
    task.add_argument("--list", action="store_true", help="print the kinds of data sets and end")
    task.add_argument("--verify", type=Path, metavar="FILE", help="read FILE against its checksums and end")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to make (default: in the cache)")
    parser.add_argument("--split", choices=SPLITS, default="test", help="default: test")
    parser.add_argument("--size", type=image_size, metavar="HxW", help="resize the images, bilinear")
    parser.add_argument("--channel-order", choices=("rgb", "bgr"), help="default: that of the data set")
    parser.add_argument("--dtype", choices=tuple(DTYPES), default="u8", help="default: u8")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where data sets are kept")
    parser.add_argument("--download", action="store_true", help="fetch the data set where it is not found")
    return run_command(parser, _run, argv)


def image_size(text: str) -> Size:
    """Return (height, width) of an option's text, such as 224x224."""
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and len(text) < 16):
        raise argparse.ArgumentTypeError(f"{text!r} is not HxW, such as 224x224")
    if not 0 < int(height) * int(width) <= settings.MAX_IMAGE_PIXELS:
        raise argparse.ArgumentTypeError(f"{text}: 1 to {settings.MAX_IMAGE_PIXELS} pixels are possible")
    return int(height), int(width)


def _run(args: argparse.Namespace, output: Output) -> None:
    if args.list:
        _list(output)
    elif args.verify:
        _verify(args.verify, output)
    else:
        _pack(args, output)


def _list(output: Output) -> None:
    table = Table("data set", "what it is")
    for name, line in DATASETS.describe():
        table.add_row(name, line)
    output.result(table)
    output.write_json({"datasets": dict(DATASETS.describe())})


def _verify(path: Path, output: Output) -> None:
    data = PackedData.open(path)
    with output.progress() as bar:
        data.verify(shown(bar, f"verify {data.header.title}"))
    output.result(f"{path}: {_summary(data.header)}; all checksums agree")
    output.write_json({"file": str(path), "verified": True} | _document(data.header))


def _pack(args: argparse.Namespace, output: Output) -> None:
    with output.progress() as bar:
        told = shown(bar, "download (bytes)")
        dataset = find_dataset(args.dataset, args.split, args.data, download=args.download, progress=told)
    if args.size:
        dataset = resized(dataset, args.size)
    path = args.output or cached_path(dataset, args.dtype, args.channel_order)
    with output.progress() as bar:
        told = shown(bar, f"pack {dataset.title}")
        header = pack(dataset, path, told, dtype=args.dtype, channel_order=args.channel_order)
    output.result(f"{path}: {_summary(header)}")
    output.write_json({"file": str(path), "bytes": path.stat().st_size} | _document(header))


def _summary(header: PackedHeader) -> str:
    n, h, w, c = header.shape
    order = "R,G,B" if header.channel_order == "rgb" else "B,G,R"
    return (
        f"{header.title}, {header.split}: {n} images {h}x{w}x{c} {header.dtype} {order}, {len(header.classes)} classes"
    )


def _document(header: PackedHeader) -> dict[str, Any]:
    return asdict(header)
