"""Preprocess a data set offline into one file that xdn-run maps into memory.

The data set is cifar10, glyphs10 (synthetic, needs no file), a FOLDER of images with one folder a class, or a LIST:
a text file with "path label" on each line. Without one: CIFAR-10 where it is found, else glyphs10. CIFAR-10 is looked
for in --data, else XDN_DATA, else ~/.cache/xdn. With --size any data set is resized; the file says so.

  xdn-pack                                    the default data set, into the cache
  xdn-pack photos/ -o photos.packed --size 224x224
  xdn-pack photos/ -o photos.packed --size 224x224 --split train --mean-out mean.binaryproto
  xdn-pack --verify photos.packed
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from xdn import frontend
from xdn.cli.common import Output, file_in_folder, new_parser, run_command, shown
from xdn.cli.data_options import add_data_options, finder
from xdn.data import DATASETS, Dataset
from xdn.data.header import DTYPES, PackedHeader
from xdn.data.mean import mean_image
from xdn.data.packed import PackedData, cached_path, pack
from xdn.errors import DataError
from xdn.report.quantities import order_name
from xdn.report.section import table


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made = new_parser("xdn-pack", __doc__)
    task = made.add_mutually_exclusive_group()
    task.add_argument("dataset", nargs="?", metavar="DATASET", help="cifar10, glyphs10, FOLDER or LIST")
    task.add_argument("--list", action="store_true", help="print the kinds of data sets and end")
    task.add_argument("--verify", type=Path, metavar="FILE", help="read FILE against its checksums and end")
    made.add_argument(
        "-o", "--output", type=file_in_folder, metavar="FILE", help="the file to make (default: in the cache)"
    )
    made.add_argument("--dtype", choices=tuple(DTYPES), default="u8", help="default: u8")
    made.add_argument("--grey", action="store_true", help="decode image files with one channel, for nets that read one")
    made.add_argument(
        "--mean-out", type=file_in_folder, metavar="FILE",
        help="write the mean image too, for xdn-run --mean-file: a binaryproto, or .npy",
    )  # fmt: skip
    add_data_options(made, "as DATASET; beside it: where data sets are kept", "test")
    made.add_argument("--channel-order", dest="data_order", choices=("rgb", "bgr"), help="the same as --data-order")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(parser(), _run, argv)


def _run(args: argparse.Namespace, output: Output) -> None:
    if args.list:
        _list(output)
    elif args.verify:
        _verify(args.verify, output)
    else:
        _pack(args, output)


def _list(output: Output) -> None:
    output.result(table((DATASETS.kind, "what it is"), DATASETS.describe()))
    output.write_json({"datasets": dict(DATASETS.describe())}, "registries")


def _verify(path: Path, output: Output) -> None:
    data = PackedData.open(path)
    with output.progress() as bar:
        data.verify(shown(bar, f"verify {data.header.title}"))
    output.report(f"{path}: {_summary(data.header)}; all checksums agree")
    output.write_json({"file": str(path), "verified": True} | asdict(data.header), "pack")


def _pack(args: argparse.Namespace, output: Output) -> None:
    dataset = _dataset(args, output)
    path = args.output or cached_path(dataset, args.dtype)
    with output.progress() as bar:
        told = shown(bar, f"pack {dataset.title}")
        header = pack(dataset, path, told, dtype=args.dtype)
    output.report(f"{path}: {_summary(header)}")
    document = {"file": str(path), "bytes": path.stat().st_size} | asdict(header)
    if args.mean_out:
        with output.progress() as bar:
            mean = mean_image(PackedData.open(path), shown(bar, "mean image"))
        frontend.write_mean(args.mean_out, mean)
        means = mean.mean(axis=(1, 2)).tolist()
        output.report(
            f"written: {args.mean_out}, the mean image; of its channels: {', '.join(f'{m:.2f}' for m in means)}"
        )
        document |= {"mean_file": str(args.mean_out), "mean_value": means}
    output.write_json(document, "pack")


def _dataset(args: argparse.Namespace, output: Output) -> Dataset:
    """Return what is to be packed."""
    what, channels = args.dataset or args.data, 1 if args.grey else None
    place = Path(args.data) if args.dataset and args.data else None
    with output.progress() as bar:
        told = shown(bar, "download (bytes)")
        found = finder(args)(what, split=args.split, channels=channels, resize_any=True, folder=place, progress=told)
    if isinstance(found, PackedData):
        raise DataError("this is packed data already", where=str(found.path), mend="Name what it was packed from")
    if args.grey and found.shape[2] != 1:
        raise DataError(f"only image files are decoded grey, not {found.title}", where="--grey")
    return found


def _summary(header: PackedHeader) -> str:
    n, h, w, c = header.shape
    order = order_name(header.channel_order)
    return (
        f"{header.title}, {header.split}: {n} images {h}x{w}x{c} {header.dtype} {order}, {len(header.classes)} classes"
    )
