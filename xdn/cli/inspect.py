"""Print a net layer by layer: type, shape, parameters, multiply-accumulates, bytes, and the totals.

Weights need not be there. MACs count padding as data; they and the tops' bytes are for one image, f32.
Every net is shown whose text can be read, with "?" for what is unknown: layers of types or with fields that XDN lacks,
inputs whose shape nothing tells, and what hangs on these. Warnings say why.

  xdn-inspect deploy.prototxt
  xdn-inspect deploy.prototxt --json -

--graph draws the net, as it is read and as it runs: what is fused is one box. It needs the extra [graph].

  xdn-inspect deploy.prototxt --graph net.html
  xdn-inspect deploy.prototxt --graph net.svg --times run.json        coloured by the time of each layer

--machine prints what this machine's arithmetic, caches, memory and barriers give. It is measured once, which takes a
second or two, and kept in the cache folder.

  xdn-inspect --machine
"""

import argparse

from xdn import api
from xdn.cli.common import Output, UsageError, list_registries, new_parser, run_command
from xdn.cli.graph_options import add_graph_options, draw_graph
from xdn.cli.net_options import add_net_options, net_summary
from xdn.report.machine import machine_table
from xdn.report.net import net_document, net_table


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made = new_parser("xdn-inspect", __doc__)
    add_net_options(made, optional=True, weights_needed=False)
    made.add_argument("--list", action="store_true", help="print formats, layer types, stages and data sets, and end")
    made.add_argument("--machine", action="store_true", help="print what this machine gives, measured once, and end")
    made.add_argument("--again", action="store_true", help="with --machine: measure it anew, when nothing else runs")
    add_graph_options(made)
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(parser(), _run, argv)


def _run(args: argparse.Namespace, output: Output) -> None:
    if args.list:
        list_registries(output, api.registries())
        return
    if args.machine:
        machine = api.machine(again=args.again)
        output.result(machine_table(machine))
        output.write_json(machine.document(), "machine")
        return
    if args.net is None:
        raise UsageError("name a PROTOTXT, --list or --machine")
    summary = net_summary(args, output)
    if args.graph:
        draw_graph(args, summary, output)
    else:
        output.result(net_table(summary))
    output.write_json(net_document(summary), "net")
