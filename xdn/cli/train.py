"""Train a net as a solver says: Caffe's solver file, with what it lacks in `xdn_param`.

What is written lies in --out, by default the solver's snapshot_prefix, else the net's name with ".trained": the net
and its weights, which xdn-run takes, the log (one JSON object a line) and the last snapshot. A training that was
stopped, by Ctrl-C too, goes on from there when the same command is given again, as if it had not stopped.

  xdn-train prototxt/resnet20_cifar10/solver.prototxt
  xdn-train solver.prototxt --net pruned.prototxt --weights pruned.caffemodel --epochs 5 --out tuned/
  xdn-train solver.prototxt --net net.onnx                  from its own weights on, and written as ONNX
  xdn-train solver.prototxt --set type=Adam --set lr_policy=cosine
  xdn-train solver.prototxt --teacher big.prototxt:big.caffemodel --holdout 5000
  xdn-train --plot tuned/net.log.jsonl -o tuned.png

Flags stand above the solver's own fields. A solver needs net, max_iter (or xdn_param { epochs }) and base_lr:

  net: "resnet20.prototxt"  type: "Nesterov"  base_lr: 0.2  momentum: 0.9  weight_decay: 0.0005
  lr_policy: "onecycle"  xdn_param { epochs: 24 batch_size: 128 pad: 4 mirror: true }
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import Progress

from xdn import api
from xdn.cli.common import (
    Output,
    UsageError,
    file_in_folder,
    given,
    list_registries,
    new_parser,
    positive_int,
    result_folder,
    run_command,
)
from xdn.cli.data_options import add_data_options, finder, tell_transform
from xdn.cli.net_options import (
    add_input_shape_option,
    add_transform_options,
    check_target,
    transformed,
    written_form,
)
from xdn.frontend.solver import Solver, read_solver, stated
from xdn.logs import read_log
from xdn.report.training import curves, draw, progress_line


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made = new_parser("xdn-train", __doc__)
    made.add_argument("solver", nargs="?", type=Path, metavar="SOLVER", help="the solver, a prototxt")
    made.add_argument("--out", type=result_folder, metavar="DIR", help="the folder of all that is written")
    first = made.add_argument_group("net and first weights")
    first.add_argument("--net", type=Path, metavar="PROTOTXT", help="the net to train, or an ONNX model")
    choice = first.add_mutually_exclusive_group()
    choice.add_argument(
        "--weights", type=Path, metavar="FILE",
        help="begin with these weights, by the layers' names; layers that FILE lacks begin as their fillers say",
    )  # fmt: skip
    choice.add_argument(
        "--from-scratch", action="store_true", help="begin with fresh weights, whatever the solver says"
    )
    first.add_argument("--restart", action="store_true", help="begin anew even where a snapshot lies in --out")
    add_input_shape_option(first)
    add = made.add_argument_group("how to train").add_argument
    add("--epochs", type=positive_int, metavar="N", help="in place of the solver's length")
    add("--base-lr", type=float, metavar="F", help="learning rate")
    add("--batch", dest="batch_size", type=positive_int, metavar="N", help="images a batch")
    add("--holdout", type=int, metavar="N", help="test on the last N training images, trained on no more")
    add("--seed", dest="random_seed", type=int, metavar="N", help="of first weights, order and augmentation")
    add(
        "--teacher", action="append", metavar="PROTOTXT[:WEIGHTS]",
        help="learn this net's outputs too; several are averaged",
    )  # fmt: skip
    add(
        "--set", dest="assignments", action="append", default=[], metavar="FIELD=VALUE",
        help="any field of the solver or its xdn_param, such as type=Adam or bf16=OFF; once for each",
    )  # fmt: skip
    add("--threads", type=positive_int, metavar="N", help="default: PyTorch's choice, all cores")
    data = add_data_options(made, "what solver or net name, else as xdn-run")
    data.add_argument("--test-data", metavar="DATA", help="what it is tested on (default: the test images of --data)")
    add_transform_options(made)
    made.add_argument("--list", action="store_true", help="print learning rate policies and solver types, and end")
    plot = made.add_argument_group("look at a log")
    plot.add_argument("--plot", type=Path, metavar="LOG", help="draw loss, accuracy and learning rate, and end")
    plot.add_argument("-o", "--output", type=file_in_folder, metavar="FILE", help="the .png or .svg of --plot")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(parser(), _run, argv)


def _run(args: argparse.Namespace, output: Output) -> None:
    if args.list:
        _list(output)
    elif args.plot is not None:
        _plot(args, output)
    elif args.solver is None:
        raise UsageError("name a SOLVER, --plot LOG or --list")
    else:
        _train(args, output)


def _list(output: Output) -> None:
    from xdn.train.optimizer import OPTIMIZERS
    from xdn.train.policy import POLICIES

    list_registries(output, {registry.kind: registry.describe() for registry in (POLICIES, OPTIMIZERS)})


def _plot(args: argparse.Namespace, output: Output) -> None:
    target = args.output or args.plot.with_suffix(".png")
    draw(read_log(args.plot), target)
    output.report(f"written: {target}")
    output.write_json({"files": [str(target)]}, "plot")


def _train(args: argparse.Namespace, output: Output) -> None:
    from xdn.train.allocation import keep_freed_memory
    from xdn.train.start import begin
    from xdn.train.trainer import Trainer, set_threads

    solver = _overridden(read_solver(args.solver), args)
    set_threads(args.threads)
    keep_freed_memory()
    adapt = partial(transformed, args)
    start = begin(
        solver,
        args.out,
        input_shape=args.input_shape,
        find=finder(args),
        adapt=adapt,
        from_scratch=args.from_scratch,
    )
    task = start.task
    suggested = tell_transform(start.prototxt, start.test_net, output)
    weights = (solver.find_beside(name, "weights") for name in solver.weights)
    form = written_form(start.prototxt)
    check_target(task.prefix, form, filter(None, (start.prototxt, *weights, solver.path)), "--out")
    output.log(f"data: {task.examples.name}")
    output.log(f"first weights: {start.weights}" + (f"; filled: {', '.join(start.filled)}" if start.filled else ""))
    output.log(f"log: {task.log_path}")
    with output.progress() as bar:
        shown = _Shown(bar, output, task.solver.max_iter)
        trainer = Trainer(task, shown, resume=not args.restart)
        shown.begin_at(trainer.progress.iteration)
        if trainer.progress.iteration:
            output.log(f"goes on from iteration {trainer.progress.iteration}: {task.snapshot_path}")
        net = start.deployed(trainer.run())
    saved = api.save(net, task.prefix.parent, task.prefix.name, form)
    output.report(f"accuracy: {trainer.progress.accuracy:.2f} % ({task.examples.name})")
    output.report(*(f"written: {path}" for path in (*saved.files, *saved.means)))
    output.write_json(
        {
            "files": [str(path) for path in saved.files],
            "log": str(task.log_path),
            "data": task.examples.name,
            "first_weights": start.weights,
            "filled": list(start.filled),
            "iterations": trainer.progress.iteration,
            "test_accuracy": trainer.progress.accuracy,
            "seconds": trainer.progress.seconds,
            "curves": curves(read_log(task.log_path)),
        }
        | suggested,
        "train",
    )


def _overridden(solver: Solver, args: argparse.Namespace) -> Solver:
    """Return the solver with what the flags say; files that flags name are not looked for beside the solver."""
    names = ("data", "test_data", "epochs", "base_lr", "batch_size", "holdout", "random_seed")
    changes = stated(args.assignments) | given(args, *names)
    if args.net:
        changes |= {"net": str(args.net.resolve()), "test_net": ""}
    if args.weights:
        changes["weights"] = (str(args.weights.resolve()),)
    if args.teacher:
        changes["teacher"] = tuple(map(_resolved, args.teacher))
    for length, other in (("epochs", "max_iter"), ("max_iter", "epochs")):
        if changes.get(length):
            changes.setdefault(other, 0)
    if args.from_scratch:
        changes["weights"] = ()
    return solver.replace(**changes)


def _resolved(teacher: str) -> str:
    return ":".join(str(Path(part).resolve()) for part in teacher.split(":", 1))


class _Shown:
    """Shows how a training goes: a bar on a terminal, and a line a test."""

    def __init__(self, bar: Progress, output: Output, total: int):
        self._bar, self._output, self._total = bar, output, total
        self._line = bar.add_task("train", total=total)
        self._loss, self._accuracy = "", ""

    def begin_at(self, iteration: int) -> None:
        """Set the bar to where a training goes on, so that what is left is told by what is done from here."""
        self._bar.reset(self._line, completed=iteration)

    def advanced(self, iteration: int, total: int, loss: float) -> None:
        """Move the bar."""
        self._bar.update(
            self._line, completed=iteration, description=f"loss {self._loss or f'{loss:.3f}'}{self._accuracy}"
        )

    def logged(self, row: dict[str, Any]) -> None:
        """Take over the numbers, and print those of a test."""
        if "loss" in row:
            self._loss = f"{row['loss']:.3f}"
        if "test_accuracy" in row:
            self._accuracy = f", accuracy {row['test_accuracy']:.2f} %"
            self._output.log(progress_line(row, self._total, self._loss))
