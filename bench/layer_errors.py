"""What the measurements of rounding errors share: a trained net's layers, each alone, on its real inputs."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine
from rich.table import Table

from xdn import api
from xdn.cli.common import Output, positive_int, shown
from xdn.codegen.target import host_target
from xdn.data.source import find_data
from xdn.evaluate.accuracy import predicted
from xdn.evaluate.pairing import check_pair, shipped_net, trained_for
from xdn.frontend import find_weights
from xdn.graph import Array, Layer, Net
from xdn.layers import LAYERS
from xdn.optimize.pipeline import optimize
from xdn.session import Session

#: (net, layer, its input) -> a row of what was measured.
Measure = Callable[[Net, Layer, Array], dict[str, Any]]


@dataclass(frozen=True)
class Error:
    """Differences to f64, relative to the largest output of the layer: the largest, and the root of the mean square."""

    largest: float
    rms: float

    @staticmethod
    def of(result: Array, exact: Array) -> "Error":
        """Return the error of `result`."""
        difference, scale = np.abs(result - exact), float(np.abs(exact).max())
        return Error(float(difference.max()) / scale, float(np.sqrt(np.mean(difference**2))) / scale)


@dataclass(frozen=True, eq=False)
class Measured:
    """A trained net, optimized, on some images.

    Parameters
    ----------
    net : Net
    data : str
        What the images are.
    images : array
        As the net reads them.
    blobs : dict
        Every blob that the references compute of them.
    """

    net: Net
    data: str
    images: Array
    blobs: dict[str, Array]

    @staticmethod
    def of(args: argparse.Namespace) -> "Measured":
        """Return what the options of `add_net_and_data` name."""
        net = None if args.net is None else api.load(args.net, args.weights or find_weights(args.net))
        data = find_data(args.data, trained_for(net) if net else None)
        if net is None:
            args.net = shipped_net(data.name)
            net = api.load(args.net, find_weights(args.net))
        check_pair(net, data)
        net = optimize(net).net
        transform = api.pixel_transform(net, data.shape, data.channel_order)
        images = transform.apply(data.images(0, min(args.images, len(data))))
        blobs = net.with_batch(len(images)).forward({next(iter(net.inputs)): images})
        return Measured(net, f"{data.title}, {data.split}", images, blobs)

    def rows(self, output: Output, layers: Sequence[Layer], measure: Measure) -> list[dict[str, Any]]:
        """Return what is measured of each layer on its real inputs."""
        output.log(f"{len(layers)} layers, {len(self.images)} images of {self.data}")
        found = []
        with output.progress() as bar:
            progress = shown(bar, "layers")
            for layer in layers:
                found.append(measure(self.net, layer, self.blobs[layer.bottoms[0]]))
                progress(len(found), len(layers))
        return found

    def document(self, args: argparse.Namespace, **more: Any) -> dict[str, Any]:
        """Return the JSON of a measurement."""
        known = {"net": str(args.net), "data": self.data, "images": len(self.images), "isa": host_target().name}
        return known | {"machine": describe_machine()} | more

    def moved(self, usual: Session, other: Session) -> dict[str, Any]:
        """Return how far the scores of the whole net move from one session to another, and how many labels."""
        name = next(iter(self.net.inputs))
        one, two = (session.run(None, {name: self.images})[0] for session in (usual, other))
        return {
            "largest_difference": float(np.abs(two - one).max()),
            "labels_that_differ": int(np.count_nonzero(predicted(two) != predicted(one))),
        }


def alone(net: Net, layer: Layer) -> Net:
    """Return the net of one layer, its bottom the input."""
    (bottom,) = layer.bottoms
    return Net(layer.name, (Layer(bottom, LAYERS["Input"](shape=(net.blobs[bottom].shape,)), (), (bottom,)), layer))


def exact_output(layer: Layer, x: Array) -> Array:
    """Return the output of a layer in f64, without what is fused to it."""
    wide = {name: array.astype(np.float64) for name, array in layer.weights.items()}
    (exact,) = layer.params.reference([x.astype(np.float64)], wide, 1)
    return exact


def error_cells(row: dict[str, Any], ways: Sequence[str]) -> list[str]:
    """Return the cells of a table's row for the errors of some ways to compute a layer."""
    return [f"{row[how][column]:.1e}" for how in ways for column in ("largest", "rms")]


def give(output: Output, document: dict[str, Any], table: Table, moved: dict[str, dict[str, Any]]) -> None:
    """Print a table, and how far the scores move in each way to compute the net; write the JSON."""
    output.result(table)
    for how, figures in moved.items():
        output.result(
            f"{document['net']}, {document['data']}, {document['images']} images, {how}: scores move by "
            f"{figures['largest_difference']:.1e} at most, {figures['labels_that_differ']} labels differ"
        )
    machine = document["machine"]
    output.result(f"{machine['cpu']}, {document['isa']}, {machine['system']}")
    output.write_json(document, "bench")


def add_net_and_data(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which net runs on which images."""
    parser.add_argument("--net", type=Path, metavar="PROTOTXT", help="default: the shipped net that fits the data")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="default: the only caffemodel beside the prototxt")
    parser.add_argument("--data", metavar="DATA", help="as xdn-run takes it (default: what the net was trained for)")
    parser.add_argument("--images", type=positive_int, default=100, metavar="N", help="the first N (default: 100)")
