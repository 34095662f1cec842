"""Rewrite a net so that it computes the same with less work, and write it as plain Caffe files, or as ONNX.

Every stage is checked: the net's outputs on a seeded batch are compared with those before it. At the end sessions run
the batch, as xdn-run does, and must give the same, unless the net is very large. What is written, PROTOTXT's name in
the folder PROTOTXT's name + ".xdn", is read by other Caffe readers too, unless --emit-fused. An ONNX model is written
as one again, and --to chooses.

  xdn-optimize net.prototxt                         into net.xdn/, with the only .caffemodel beside it
  xdn-optimize net.prototxt --weights w.caffemodel -o out/ --explain
  xdn-optimize net.onnx                             into net.xdn/net.onnx
  xdn-optimize net.prototxt --to onnx
  xdn-optimize net.onnx --extract data..features    a part of the net, cut out first
  xdn-optimize net.prototxt --prune macs=0.45 --data cifar10
  xdn-optimize net.prototxt --calibrate cifar10     layers read 8-bit integers
  xdn-optimize net.prototxt --bits 1/32             weights are 1 or -1, times the scale of their filter
  xdn-optimize net.prototxt --codebooks small       a file of a nineteenth of the size, to be trained (xdn-train)

With --prune filters are taken out first, by how much they matter, and what is left is again a plain net, to be
run or to be trained further (xdn-train); with --stages '' its layers stay as they are. With --calibrate the layers say
last how they read 8-bit integers: text in the written net, which only XDN reads, and which may be edited. With
--codebooks layers stay as they are, unless --stages says otherwise.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xdn import api
from xdn.cli.codebook_options import CODEBOOK_NEEDS, add_codebook_options, coded
from xdn.cli.common import (
    Output,
    UsageError,
    check_company,
    list_registries,
    new_parser,
    result_folder,
    run_command,
    shown,
)
from xdn.cli.data_options import tell_transform
from xdn.cli.net_options import add_net_options, check_target, load_net, written_form
from xdn.cli.prune_options import PRUNE_NEEDS, add_prune_options, pruned, recalibrated
from xdn.cli.quantize_options import (
    QUANTIZE_NEEDS,
    add_quantize_options,
    calibrated,
    calibration_data,
    rounded,
    weights_only,
)
from xdn.errors import SettingError
from xdn.frontend import writers
from xdn.frontend.caffe import Caffe
from xdn.graph import Net
from xdn.optimize import PLAIN, POST_FUSION, STAGES, Result, optimize, stage_names
from xdn.optimize.extract import extracted
from xdn.report.codebooks import codebook_conclusion, codebook_document, codebook_table, uncoded_lines
from xdn.report.pruning import locked_document, locked_table, prune_conclusion, prune_document, prune_table
from xdn.report.quantization import calibration_conclusion, calibration_document, calibration_table, kept_lines
from xdn.report.rounded_weights import rounded_conclusion, rounded_document, rounded_kept_lines, rounded_table
from xdn.report.sensitivity import histogram_table, sensitivity_document, sensitivity_table
from xdn.report.stages import conclusion, execution_line, explanation, stage_table

if TYPE_CHECKING:
    from xdn.data.dataset import Dataset
    from xdn.optimize.prune.pruner import Pruned


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made = new_parser("xdn-optimize", __doc__)
    add_net_options(made, optional=True)
    made.add_argument(
        "-o", "--output", type=result_folder, metavar="DIR", help="default: PROTOTXT's name with .xdn, here"
    )
    made.add_argument("--to", choices=tuple(writers()), help="the format to write (default: as what was read)")
    made.add_argument(
        "--extract", metavar="BLOB..BLOB",
        help="cut this part out first; either side may be left out, or have several with commas",
    )  # fmt: skip
    made.add_argument("--stages", metavar="A,B,...", help="the stages to run, in this order (default: all)")
    made.add_argument("--explain", action="store_true", help="print every change, and every refusal with its reason")
    made.add_argument(
        "--emit-fused", action="store_true", help="fuse sums and activations too, which only XDN reads (xdn_param)"
    )
    made.add_argument("--list", action="store_true", help="print stages, criteria, schedules, observers, and end")
    add_prune_options(made)
    add_quantize_options(made)
    add_codebook_options(made)
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(parser(), _run, argv)


def _run(args: argparse.Namespace, output: Output) -> None:
    if args.list:
        from xdn.optimize.prune.criterion import CRITERIA
        from xdn.optimize.prune.schedule import SCHEDULES
        from xdn.optimize.quantize.observer import OBSERVERS

        list_registries(output, {each.kind: each.describe() for each in (STAGES, CRITERIA, SCHEDULES, OBSERVERS)})
        return
    if args.net is None:
        raise UsageError("name a PROTOTXT, or --list")
    check_company(args, PRUNE_NEEDS | QUANTIZE_NEEDS | CODEBOOK_NEEDS)
    if args.codebooks and args.emit_fused:
        raise UsageError("--codebooks are trained next, before layers are fused: without --emit-fused")
    rounds_weights, stages = weights_only(args), _stages(args)
    folder, form = args.output or Path(f"{args.net.stem}.xdn"), written_form(args.net, args.to)
    if args.codebooks and (args.calibrate is not None or args.bits or form != Caffe.title):
        raise UsageError("--codebooks are of f32 weights, in a caffemodel: without --calibrate, --bits and --to onnx")
    check_target(folder / args.net.stem, form, filter(None, (args.net, args.weights)), "-o")
    net = load_net(args, output)
    if args.extract is not None:
        net = extracted(net, args.extract)
    if args.mean_file:
        api.check_mean(net, args.mean_file)
    # What is wrong with the images is said before long work.
    images = None if args.calibrate is None else calibration_data(args, net)
    document: dict[str, Any] = {**tell_transform(args.net, net, output)}
    if args.prune:
        found = _pruned(args, net, output)
        net = found.net
        output.report(prune_table(found), locked_table(found.locked), prune_conclusion(found))
        document["pruning"] = prune_document(found)
    if args.recalibrate and not args.codebooks:
        net = _recalibrated(args, net, output)
    result = _optimized(args, net, stages, output)
    net = result.net
    if images is not None:
        net, said = _calibrated(args, net, images, output)
        document |= said
    elif rounds_weights:
        net, said = _with_rounded_weights(args, net, output)
        document |= said
    elif args.codebooks:
        net, said = _coded(args, net, output)
        document |= said
    saved = api.save(net, folder, args.net.stem, form)
    output.report(*(f"written: {path}" for path in (*saved.files, *saved.means)))
    output.write_json(_document(result) | document | {"files": [str(path) for path in saved.files]}, "optimize")


def _optimized(args: argparse.Namespace, net: Net, stages: Sequence[str], output: Output) -> Result:
    """Run the stages, and tell what they did."""
    # Imports the runtime, which --list and --help do without.
    from xdn.instruments import executed

    with output.progress() as bar:
        result = optimize(net, stages, execute=executed, progress=shown(bar, "optimize"))
    output.report(stage_table(result), conclusion(result))
    if result.execution is not None:
        output.report(execution_line(result.execution))
    if args.explain:
        output.result(*explanation(result.reports))
    return result


def _recalibrated(args: argparse.Namespace, net: Net, output: Output) -> Net:
    """Return the net with the statistics that BatchNorm has now."""
    with output.progress() as bar:
        return recalibrated(args, net, shown(bar, "images for BatchNorm"))


def _coded(args: argparse.Namespace, net: Net, output: Output) -> tuple[Net, dict[str, Any]]:
    """Make codebooks of weights, and tell how; return the net and what the JSON says of it.

    BatchNorm's statistics are taken anew after that, where it is asked for.
    """
    with output.progress() as bar:
        made = coded(args, net, shown(bar, "codebooks"))
    output.report(codebook_table(made), codebook_conclusion(made))
    if args.explain:
        output.result(*uncoded_lines(made))
    net = _recalibrated(args, made.net, output) if args.recalibrate else made.net
    return net, {"codebooks": codebook_document(made)}


def _calibrated(args: argparse.Namespace, net: Net, images: "Dataset", output: Output) -> tuple[Net, dict[str, Any]]:
    """Let layers read 8-bit integers, and tell how; return the net and what the JSON says of it."""
    output.log(f"images to choose scales by: {images.title}, {images.split}")
    with output.progress() as bar:
        found, lost = calibrated(args, net, images, partial(shown, bar))
    output.report(calibration_table(found), calibration_conclusion(found))
    if args.explain:
        output.result(*kept_lines(found))
    document = {"calibration": calibration_document(found)}
    if lost is not None:
        output.result(sensitivity_table(lost), histogram_table(lost))
        document["sensitivity"] = sensitivity_document(lost)
    return found.net, document


def _with_rounded_weights(args: argparse.Namespace, net: Net, output: Output) -> tuple[Net, dict[str, Any]]:
    """Let weights alone have few bits, and tell how; return the net and what the JSON says of it."""
    found = rounded(args, net)
    output.report(rounded_table(found), rounded_conclusion(found))
    if args.explain:
        output.result(*rounded_kept_lines(found))
    return found.net, {"rounded_weights": rounded_document(found)}


def _pruned(args: argparse.Namespace, net: Net, output: Output) -> "Pruned":
    """Return what is left of the net; where the budget cannot be met, the JSON says why too."""
    from xdn.optimize.prune.locks import BudgetError

    try:
        with output.progress() as bar:
            return pruned(args, net, output, shown(bar, "prune"))
    except BudgetError as error:
        output.write_json({"pruning": {"error": str(error), "locked": locked_document(error.locked)}}, "refused")
        raise


def _stages(args: argparse.Namespace) -> tuple[str, ...]:
    if args.stages is None and args.codebooks:
        return ()
    if args.stages is None:
        fused = tuple(name for name in stage_names(POST_FUSION) if STAGES[name].in_files)
        return stage_names(PLAIN) + (fused if _fuses(args) else ())
    chosen = tuple(name.strip() for name in args.stages.split(",") if name.strip())
    if strange := [name for name in chosen if not STAGES[name].in_files]:
        mend = "Leave it out: a session runs it when it starts"
        raise SettingError(f"no file can say what {', '.join(strange)} makes", mend=mend)
    fused = tuple(name for name in chosen if STAGES[name].group != PLAIN)
    if fused and not _fuses(args):
        raise SettingError(f"plain Caffe cannot say what {', '.join(fused)} makes", mend="Add --emit-fused")
    return chosen


def _fuses(args: argparse.Namespace) -> bool:
    """Return whether what is written may say what plain Caffe cannot."""
    return weights_only(args) or args.emit_fused or args.calibrate is not None


def _document(result: Result) -> dict[str, Any]:
    return {
        "cost_before": asdict(result.cost),
        "cost_after": asdict(result.reports[-1].cost if result.reports else result.cost),
        "difference": result.difference,
        "execution": None if result.execution is None else asdict(result.execution),
        "stages": [asdict(report) for report in result.reports],
    }
