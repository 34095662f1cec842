"""The options by which `xdn-inspect` draws a net, and what they do."""

import argparse
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from xdn.cli.common import Output, result_file
from xdn.cli.net_options import load_net
from xdn.errors import DataError
from xdn.files import write_atomically
from xdn.graph.summary import NetSummary, summarize
from xdn.optimize import PLAIN, POST_FUSION, apply_stages, stage_names
from xdn.report.page.words import EN, LANGUAGES, Words

if TYPE_CHECKING:
    from xdn.report.drawn.net import Times


def add_graph_options(parser: argparse.ArgumentParser) -> None:
    """Add what `draw_graph` reads."""
    group = parser.add_argument_group("a drawing of the net, before and after optimization")
    group.add_argument("--graph", type=result_file, metavar="FILE", help="write it, a .svg or .html")
    group.add_argument(
        "--times", type=Path, metavar="RESULT", help="colour layers by the times that xdn-run --profile --json wrote"
    )
    group.add_argument("--lang", choices=LANGUAGES, default=EN, help=f"of the drawing (default: {EN})")


def draw_graph(args: Namespace, summary: NetSummary, output: Output) -> None:
    """Write the drawing: the net as it is read, and, where all its layers are known, as sessions run it."""
    # Import the runtime and the engine of templates, which other uses of the command do without.
    from xdn.report.drawn.files import checked_graph, drawn

    checked_graph(args.graph)
    times = _times(args.times)
    nets = [("net_before", summary)]
    if summary.unknown_types:
        output.log(f"only the net as it is read is drawn: {', '.join(summary.unknown_types)} is not known")
    else:
        nets.append(("net_after", _optimized(args, output)))
    write_atomically(args.graph, drawn(nets, times, Words(args.lang), args.graph.suffix.lower()).encode())
    output.report(f"written: {args.graph}")


def _optimized(args: Namespace, output: Output) -> NetSummary:
    """Return the net as a session makes it of what the optimizer leaves; weights stand in where none are given."""
    asked = Namespace(**vars(args) | {"random_weights": args.random_weights or args.weights is None})
    net = apply_stages(load_net(asked, output, weights_needed=False), stage_names(PLAIN))
    return summarize(apply_stages(net, stage_names(POST_FUSION)))


def _times(path: Path | None) -> "Times":
    """Return the milliseconds of a profiled run's layers."""
    if path is None:
        return {}
    from xdn.report.documents import RunDocument
    from xdn.report.reading import read_result

    run = read_result(path)
    if not isinstance(run, RunDocument) or run.profile is None:
        raise DataError("this holds no profile", where=str(path), mend="Give what xdn-run --profile --json wrote")
    return {layer.name: layer.ms for layer in run.profile.layers}
