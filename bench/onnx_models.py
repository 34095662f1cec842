#!/usr/bin/env python3
"""Compare XDN with ONNX Runtime on ONNX models: do they agree, and how fast is each, in turn.

Each run is timed after 0.4 s of the same engine: by then the other one's threads, which spin for work, are asleep.

python bench/onnx_models.py net.onnx other.onnx=3,48,320
python bench/onnx_models.py --rapidocr              the three nets of rapidocr-onnxruntime, trained to read text
"""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from machine import describe_machine
from measure import WARM_S, in_turn, summary_ms
from rich.box import SIMPLE_HEAD
from rich.table import Table
from table import place

from xdn import api
from xdn.cli.common import Output, new_parser, positive_int, run_command
from xdn.cli.entry import program
from xdn.errors import MissingExtraError
from xdn.graph import Net
from xdn.optimize import apply_stages, stage_names
from xdn.runtime.cpu.threads.count import default_threads
from xdn.session import Session

OWN, OTHER = "xdn", "onnxruntime"
#: The models of rapidocr-onnxruntime, by the end of their names -> the shape of an image: text is found in the first,
#: turned by the second, and read by the third.
RAPIDOCR = {"det_infer.onnx": (3, 736, 736), "cls_infer.onnx": (3, 48, 192), "rec_infer.onnx": (3, 48, 320)}

#: A model's file, and the shape of its images where it says none.
Model = tuple[Path, tuple[int, ...] | None]


def model(text: str) -> Model:
    """Return the model that an argument names: FILE, or FILE=C,H,W."""
    name, _, shape = text.partition("=")
    return Path(name), tuple(map(positive_int, shape.split(","))) if shape else None


def rapidocr_models() -> list[Model]:
    """Return the models of the package rapidocr-onnxruntime, which is not imported."""
    found = find_spec("rapidocr_onnxruntime")
    if found is None or found.origin is None:
        raise MissingExtraError("rapidocr-onnxruntime is not installed", mend="pip install -e '.[onnx-models]'")
    files = sorted((Path(found.origin).parent / "models").glob("*.onnx"))
    return [(file, shape) for end, shape in RAPIDOCR.items() for file in files if file.name.endswith(end)]


def compare(net: Net, path: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return the times of both engines, and how far their outputs are apart, relative to the largest value."""
    rng = np.random.default_rng(0)
    feed = {name: rng.standard_normal(blob.shape, np.float32) for name, blob in net.inputs.items()}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    other = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    session = Session(apply_stages(net, stage_names()), threads=args.threads)
    actions = {OWN: lambda: session.run(None, feed), OTHER: lambda: other.run(list(net.outputs), feed)}
    seconds, results = in_turn(actions, args.rounds, WARM_S)
    session.close()
    pairs = zip(results[OWN], results[OTHER], strict=True)
    apart = max(float(np.abs(ours - theirs).max()) / max(1e-3, float(np.abs(theirs).max())) for ours, theirs in pairs)
    found: dict[str, Any] = {"net": path.name, "shapes": [list(each.shape) for each in feed.values()], "apart": apart}
    return found | {name: summary_ms(each) for name, each in seconds.items()}


def models_table(document: dict[str, Any]) -> Table:
    """Return a table with a row a model."""
    title = f"batch 1, {document['threads']} threads, f32, ms"
    table = Table("net", title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in ("input", OWN, "least", OTHER, "least", "times as fast", "apart"):
        table.add_column(name, justify="right")
    for found in document["found"]:
        figures = [f"{each[key]:.2f}" for each in (found[OWN], found[OTHER]) for key in ("ms", "least_ms")]
        shapes = " ".join("x".join(map(str, shape)) for shape in found["shapes"])
        times = f"{found[OTHER]['ms'] / found[OWN]['ms']:.2f}"
        table.add_row(found["net"], shapes, *figures, times, f"{found['apart']:.1e}")
    return table


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure each model and print them."""
    found = []
    for path, shape in args.models + (rapidocr_models() if args.rapidocr else []):
        output.log(str(path))
        found.append(compare(api.load(path, **{} if shape is None else {"input_shape": shape}), path, args))
    document = {"threads": args.threads, "rounds": args.rounds, "machine": describe_machine(), "found": found}
    output.result(models_table(document), place(document["machine"]))
    output.write_json(document, "bench")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("onnx_models.py", __doc__ or "")
    parser.add_argument("models", nargs="*", type=model, metavar="FILE[=C,H,W]", help="the models")
    parser.add_argument("--rapidocr", action="store_true", help="the models of the package rapidocr-onnxruntime")
    parser.add_argument("--threads", type=positive_int, default=default_threads(), metavar="N")
    parser.add_argument("--rounds", type=positive_int, default=9, metavar="N")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("onnx_models.py", main))
