"""Run every prototxt of a folder with random weights, against the NumPy references and OpenCV, where that loads it.

  python bench/zoo.py FOLDER                      one line a file: parts, agreement, time
  python bench/zoo.py FOLDER --only ssd --json zoo.json
  python bench/zoo.py FOLDER --shrink 2           smaller images for nets over maps beyond 2 GMACs

Compared is what stands before a final Softmax or before boxes are decoded. Each file has a process of its own, with
limits of time and memory: other readers may crash. A difference is relative to the largest value of the blob. Instead
of references beyond `--most-gmacs`, or beyond `--memory`, the net's PyTorch form is compared with, where PyTorch is
installed. A file is refused by the reader, failed to run, ran, crashed, or had a timeout.
"""

import argparse
import json
import logging
import multiprocessing
import re
import resource
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np
import shrink
from rich import box
from rich.console import Console
from rich.table import Table

from xdn import memory
from xdn.cli.entry import program
from xdn.errors import MemoryLimitError, UnsupportedError, XdnError
from xdn.frontend import load, save
from xdn.frontend.weights import random_weights
from xdn.graph import Net
from xdn.runtime.parts import WholePart
from xdn.session import Session

_FORK = multiprocessing.get_context("fork")
#: Layers whose second bottom are regions, an image and corners each; the image's part in which random ones lie.
_REGIONS, _REGION_PIXELS = ("ROIPooling", "PSROIPooling"), 100
#: Images of a film, where a file does not say how many.
FILM_LENGTH = 16
#: Where a file tells no shape, the first of these counts with which it loads.
SHAPES = ["3,128,128", "3,224,224", "3,112,96", "1,32,256", "3,512,1024", "3,299,299", "784", "1,256,256"]
#: Layers that find boxes, and how many of their bottoms, from the first on, tell these: others are where priors lie.
_FINDING = {"DetectionOutput": 2, "BoxOutput": None, "YoloDetectionOutput": None, "Yolov3DetectionOutput": None}
#: What results are compared with: key in the JSON -> name.
ORACLES = {"reference": "the references", "pytorch": "PyTorch", "opencv": "OpenCV"}
#: Where an error lists inputs of unknown shapes.
_NAMES = re.compile(r": ([\w, ]+)\. (?:Name|Say) each")


def main() -> int:
    """Run the files and print the table; the exit code is 0 whatever they do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="files whose path holds this")
    parser.add_argument(
        "--input-shape", action="append", help="C,H,W where a file tells no shape, and others for what does not fit it"
    )
    parser.add_argument("--most-gmacs", type=float, default=30.0, help="references of larger nets are not computed")
    parser.add_argument("--shrink", type=float, metavar="GMACS", help="smaller images for larger nets, where these fit")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for a file")
    parser.add_argument("--memory", default="8G", help="for a file")
    parser.add_argument("--json", type=Path, help="write the results here")
    args = parser.parse_args()
    found = []
    for path in sorted(args.folder.rglob("*.prototxt")):
        if args.only in str(path):
            found.append({"file": str(path.relative_to(args.folder)), **_apart(path, args)})
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    Console(width=200).print(_table(found))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))
    return 0


def _apart(path: Path, args: argparse.Namespace) -> dict:
    """Return what a process of its own says of one file; it is forked, so that modules are imported once."""
    ours, theirs = _FORK.Pipe(duplex=False)
    child = _FORK.Process(target=_child, args=(theirs, path, args))
    child.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(args.timeout) else {"state": "timeout"}
    except EOFError:
        child.join()
        return {"state": "crashed", "error": f"exit code {child.exitcode}"}
    finally:
        child.kill()
        child.join()


def _child(pipe: Connection, path: Path, args: argparse.Namespace) -> None:
    """Run a file, with a limit of data: of what it allocates, not of files and of addresses that are reserved."""
    logging.disable(logging.CRITICAL)
    limit_bytes = memory.parsed_size(args.memory)
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, resource.RLIM_INFINITY))
    shapes = [tuple(map(int, shape.split(","))) for shape in args.input_shape or SHAPES]
    try:
        with memory.limited(limit_bytes):
            found = run_one(path, shapes, args.most_gmacs, args.shrink)
    except Exception:
        found = {"state": "crashed", "error": traceback.format_exc()[-400:]}
    pipe.send(found)


def run_one(path: Path, shapes: list[tuple[int, ...]], most_gmacs: float, shrink_gmacs: float | None = None) -> dict:
    """Return how one file runs: refused, failed, or parts, times in ms, and differences.

    Of a net whose images were made smaller `whole_gmacs` says how large it was.
    """
    try:
        net = _with_one_image(_loaded(path, shapes))
    except XdnError as error:
        return {"state": "refused", "error": str(error)}
    said = {}
    if shrink_gmacs is not None and (smaller := shrink.shrunk(net, shrink_gmacs)) is not net:
        net, said = smaller, {"whole_gmacs": shrink.gmacs(net)}
    try:
        return _run(path, net, most_gmacs) | said
    except XdnError as error:
        return {"state": "failed", "error": str(error)} | said


def _run(path: Path, net: Net, most_gmacs: float) -> dict:
    net = random_weights(net)
    net = net.replace(outputs=tuple(dict.fromkeys(blob for name in net.outputs for blob in _compared(net, name))))
    feed = _feed(net)
    begin = time.perf_counter()
    session = Session(net)
    results = dict(zip(net.outputs, session.run(None, feed), strict=True))
    first_ms = 1e3 * (time.perf_counter() - begin)
    begin = time.perf_counter()
    session.run(None, feed)
    said = {
        "state": "ran",
        "types": sorted({layer.type for layer in net.layers}),
        "apart": [part.layer.type for part in session.parts if isinstance(part, WholePart)],
        "inputs": {name: blob.shape for name, blob in net.inputs.items()},
        "gmacs": shrink.gmacs(net),
        "first_ms": first_ms,
        "ms": 1e3 * (time.perf_counter() - begin),
    }
    return said | _ours(net, feed, results, most_gmacs) | _opencv(path, net, feed, results)


def _ours(net: Net, feed: dict[str, np.ndarray], results: dict[str, np.ndarray], most_gmacs: float) -> dict:
    """Return how the references' results differ, or those of the PyTorch form of a net that is too large for them."""
    if shrink.gmacs(net) <= most_gmacs:
        with suppress(MemoryLimitError):
            return {"reference": difference(results, net.forward(feed))}
    if find_spec("torch") is None:
        return {}
    try:
        return {"pytorch": difference(results, _pytorch(net, feed))}
    except UnsupportedError as error:
        return {"pytorch_error": str(error)}


def _pytorch(net: Net, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the net's PyTorch form gives."""
    import torch

    from xdn.train.module import NetModule

    with torch.inference_mode():
        found = NetModule(net).eval().outputs({name: torch.from_numpy(array) for name, array in feed.items()})
    return {name: tensor.numpy() for name, tensor in found.items()}


def _loaded(path: Path, shapes: list[tuple[int, ...]]) -> Net:
    try:
        return load(path)
    except XdnError as error:
        if "--input-shape" not in str(error):
            raise
        last, film = error, "C,D,H,W" in str(error)
    for channels, *sizes in shapes:
        try:
            return _loaded_with(path, (channels, *([FILM_LENGTH] if film else []), *sizes))
        except XdnError as error:
            last = error
    raise last


def _loaded_with(path: Path, shape: tuple[int, ...]) -> Net:
    """Return the net with inputs of this shape, all those that the file does not tell."""
    try:
        return load(path, input_shape=shape)
    except XdnError as error:
        names = _NAMES.search(str(error))
        if names is None:
            raise
    return load(path, input_shape=dict.fromkeys(names[1].split(", "), shape))


def _with_one_image(net: Net) -> Net:
    """Return the net with a batch of one, where its layers take that."""
    try:
        single = net.with_batch(1) if len({blob.shape[0] for blob in net.inputs.values()}) == 1 else net
        return single if single.blobs else net
    except XdnError:
        return net


def _compared(net: Net, name: str) -> tuple[str, ...]:
    """Return what is compared in place of an output: what a Softmax reads, and what boxes are decoded from.

    A box more or less hangs on the last bit of a confidence.
    """
    layer = net.producers[name]
    if layer.type in _FINDING:
        return layer.bottoms[: _FINDING[layer.type]]
    return layer.bottoms[:1] if layer.type == "Softmax" else (name,)


def _feed(net: Net) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    feed = {name: rng.standard_normal(blob.shape).astype(np.float32) for name, blob in net.inputs.items()}
    if "im_info" in feed:
        height, width = net.inputs["data"].shape[2:]
        feed["im_info"][:] = 1
        feed["im_info"][:, :2] = height, width
    for layer in net.layers:
        if layer.type in _REGIONS and layer.bottoms[1] in feed:
            regions = feed[layer.bottoms[1]]
            regions[:] = np.sort(rng.uniform(0, _REGION_PIXELS, regions.shape), axis=1)
            regions[:, 0] = 0  # The image.
    return feed


def difference(results: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> float | None:
    """Return the largest difference, relative to each blob's largest value; None where shapes differ."""
    worst = 0.0
    for name, found in results.items():
        if name not in expected or expected[name].size != found.size:
            return None
        wanted = expected[name].reshape(found.shape).astype(np.float64)
        worst = max(worst, float(np.abs(found - wanted).max() / max(np.abs(wanted).max(), 1e-30)))
    return worst


def _opencv(path: Path, net: Net, feed: dict[str, np.ndarray], results: dict[str, np.ndarray]) -> dict:
    """Return how OpenCV's results differ for the file as it is, or why OpenCV gives none."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "w.caffemodel"
        save(net, Path(folder) / "n.prototxt", weights)
        try:
            model = cv2.dnn.readNetFromCaffe(str(path), str(weights))
            model.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
            for name, array in feed.items():
                # A single input needs no name: OpenCV calls some after their layer.
                model.setInput(array, name if len(feed) > 1 else "")
            names = [net.producers[name].name for name in results]
            found = dict(zip(results, model.forward(names), strict=True))
        except (cv2.error, ValueError) as error:
            return {"opencv_error": str(error).strip().splitlines()[-1][:200]}
    return {"opencv": difference(results, found)}


def _table(found: list[dict]) -> Table:
    shown = Table(box=box.SIMPLE, caption=_totals(found))
    for name in ("file", "", *ORACLES.values(), "GMACs", "ms", "computed apart"):
        shown.add_column(name)
    for each in found:
        differences = [f"{each[key]:.1e}" if isinstance(each.get(key), float) else "-" for key in ORACLES]
        gmacs, ms = (f"{each[key]:.1f}" if key in each else "-" for key in ("gmacs", "ms"))
        whole = f" of {each['whole_gmacs']:.1f}" if "whole_gmacs" in each else ""
        apart = ", ".join(sorted(set(each.get("apart", []))))
        shown.add_row(each["file"][-70:], each["state"], *differences, gmacs + whole, ms, apart)
    return shown


def _totals(found: list[dict]) -> str:
    """Return in words how many files ran, and how many agree to 1e-4 with whom."""
    ran = [each for each in found if each["state"] == "ran"]
    smaller = sum("whole_gmacs" in each for each in ran)
    said = [f"{len(found)} files, {len(ran)} ran" + (f", {smaller} of them with smaller images" if smaller else "")]
    for key, name in ORACLES.items():
        compared = [each[key] for each in ran if isinstance(each.get(key), float)]
        if compared:
            said.append(f"{sum(value <= 1e-4 for value in compared)} of {len(compared)} agree with {name} to 1e-4")
    return "; ".join(said)


if __name__ == "__main__":
    sys.exit(program("zoo.py", main))
