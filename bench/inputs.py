"""What all engines of a comparison are given: one network, and images that fit it."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from engine import Model, engine_names
from measure import opener

from xdn import settings
from xdn.cli.common import Output, positive_int
from xdn.data import find_dataset
from xdn.data.packed import cached_path, pack
from xdn.data.pixels import PixelTransform
from xdn.data.source import find_data
from xdn.errors import DataError
from xdn.frontend import find_weights, load, read_binaryproto, save
from xdn.frontend.onnx.writer import save_onnx
from xdn.graph import Net, Transform
from xdn.optimize.pipeline import optimize

#: Images on which the engines are compared with the references.
SAMPLE = 4


@dataclass(frozen=True, eq=False)
class Inputs:
    """A network and images.

    Parameters
    ----------
    net : Net
        BatchNorm and Scale folded, with weights.
    pixels : PixelTransform
        From the images to the net's input.
    images : (N, H, W, C) u8
    path : Path, optional
        The packed file that the images are of; None: they are random.
    title : str
        What the images are.
    labels : (N,) int32, optional
    """

    net: Net
    pixels: PixelTransform
    images: np.ndarray
    path: Path | None = None
    title: str = "random images"
    labels: np.ndarray | None = None

    def write(self, folder: Path) -> Model:
        """Write the network into `folder` in every form that engines share."""
        save(self.net, folder / "net.prototxt", folder / "net.caffemodel")
        save_onnx(self.net, folder / "net.onnx")
        ((name, blob),) = self.net.inputs.items()
        return Model(folder, self.pixels, name, self.net.outputs[0], blob.shape[1:])

    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        """Return a few images, and the outputs that the NumPy references give for them."""
        images = np.ascontiguousarray(self.images[:SAMPLE])
        (name,) = self.net.inputs
        outputs = self.net.with_batch(len(images)).forward({name: self.pixels.apply(images)})
        return images, outputs[self.net.outputs[0]]


def find_inputs(args: argparse.Namespace, output: Output, random_images: int = 0) -> Inputs:
    """Return the net and the images that the options name: at most `random_images` where no data set fits.

    Raises
    ------
    DataError
        Where none fits, and there are to be no random images.
    """
    weights = None if args.random_weights else args.weights or find_weights(args.net)
    net = optimize(load(args.net, weights, random_weights=args.random_weights)).net
    path = _packed_file(args, net, output)
    if path is None and not random_images:
        raise DataError(
            "the data set's images do not fit the net's input",
            mend="Name others with --data; engines.py --mode throughput takes random ones",
        )
    (blob,) = net.inputs.values()
    folders = [net.folder] if net.folder else []
    if path:
        packed = opener(path, args.images)()
        images, transform = packed.images(), net.input_layers[0].params.transform
    else:
        images = seeded_images(net, min(args.images, random_images))
        transform = Transform(scale=1 / 64, mean_value=(128.0,))
    if args.mean_file:
        transform = replace(transform, mean_file=str(args.mean_file.resolve()), mean_value=())
    pixels = PixelTransform.of(transform, images.shape[1:], blob.shape[1:], folders, read_binaryproto)
    return Inputs(net, pixels, images, path, packed.title, packed.labels) if path else Inputs(net, pixels, images)


def _packed_file(args: argparse.Namespace, net: Net, output: Output) -> Path | None:
    """Return a packed file whose images fit the net; None where the data set's do not."""
    if args.data is not None and args.data.endswith(".packed"):
        return Path(args.data)
    dataset = find_dataset(args.data or net.input_layers[0].params.source or None)
    c, h, w = next(iter(net.inputs.values())).shape[1:]
    if dataset.shape != (h, w, c):
        return None
    path = cached_path(dataset)
    if not path.exists():
        output.log(f"packing {dataset.title} into {path}")
        pack(dataset, path)
    return path


def calibration_images(args: argparse.Namespace, inputs: Inputs) -> np.ndarray:
    """Return the images (N, H, W, C) u8 by which all engines choose scales, spread evenly over those that there are.

    They are of the training images of the data set, where it is not a packed file, and other random ones where the
    images are random.

    Raises
    ------
    DataError
        The images have another size than those that are timed.
    """
    if inputs.path is None and args.calibration is None:
        return seeded_images(inputs.net, args.calibration_images, seed=1)
    named = args.calibration or args.data or inputs.net.input_layers[0].params.source or None
    order = opener(inputs.path, 1)().channel_order if inputs.path else None
    data = find_data(named, usual_split="train", channel_order=order)
    if data.shape != inputs.images.shape[1:]:
        what = f"the calibration images have the shape {data.shape}, the others {inputs.images.shape[1:]}"
        raise DataError(what, where=data.title, mend="Name others with --calibration")
    count = min(args.calibration_images, len(data))
    return np.concatenate([data.images(place, place + 1) for place in np.arange(count) * len(data) // count])


def seeded_images(net: Net, count: int, seed: int = 0) -> np.ndarray:
    """Return random images u8 (count, h, w, c) of the net's input size."""
    c, h, w = next(iter(net.inputs.values())).shape[1:]
    return np.random.default_rng(seed).integers(0, 256, (count, h, w, c), np.uint8)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every comparison of engines has."""
    known = engine_names()

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
        return chosen

    add_net_options(parser)
    parser.add_argument("--engines", type=names, default=known, help=f"comma-separated (default: {','.join(known)})")
    parser.add_argument("--images", type=positive_int, default=10_000, help="at most this many")
    parser.add_argument("--threads", type=positive_int, default=2)
    parser.add_argument("--rounds", type=positive_int, default=3)


def add_calibration_options(parser: argparse.ArgumentParser) -> None:
    """Add the options by which `calibration_images` is told of the images."""
    parser.add_argument(
        "--calibration",
        metavar="DATA",
        help="data set, or a packed file, by whose images int8 scales are chosen (default: the training images of "
        "--data, or the packed file itself)",
    )
    count = settings.CALIBRATION_IMAGES
    parser.add_argument("--calibration-images", type=positive_int, default=count, help=f"of them (default: {count})")


def add_net_options(parser: argparse.ArgumentParser) -> None:
    """Add the options by which `find_inputs` is told of the net and the data."""
    parser.add_argument("--net", type=Path, required=True, metavar="PROTOTXT")
    parser.add_argument("--weights", type=Path, help="default: the only caffemodel beside the prototxt")
    parser.add_argument("--random-weights", action="store_true")
    parser.add_argument(
        "--mean-file", type=Path, metavar="BINARYPROTO", help="the mean to subtract, in place of what the net names"
    )
    parser.add_argument("--data", help="data set, or a .packed file (default: the one that the net names)")
