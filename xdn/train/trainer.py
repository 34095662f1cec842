"""Train a net as its solver says: batches, loss, update, tests, log, snapshots."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xdn.cpus import available_cpus
from xdn.errors import CheckError
from xdn.frontend.solver import Solver
from xdn.graph import Array, Net
from xdn.interrupts import Interrupt, deferred_interrupt
from xdn.logs import Row
from xdn.runtime.cpu.threads.count import checked_threads
from xdn.train.data import Examples, TestImages
from xdn.train.log import TrainingLog
from xdn.train.loss_aware import LossAware
from xdn.train.module import NetModule
from xdn.train.optimizer import CaffeOptimizer, optimizer_for
from xdn.train.policy import checked_policy, learning_rate, momentum
from xdn.train.precision import bf16_bits, bf16_wanted
from xdn.train.prefetch import prefetched
from xdn.train.resume import Progress, State, identity, restore, state_of
from xdn.train.snapshot import read_snapshot, write_snapshot
from xdn.train.teachers import Teachers

#: Images a batch of a test.
TEST_BATCH = 250


class Observer(Protocol):
    """Told how a training goes."""

    def advanced(self, iteration: int, total: int, loss: float) -> None:
        """Called after each iteration, with the loss of its images."""

    def logged(self, row: Row) -> None:
        """Called with each row of the log."""


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be trained.

    Parameters
    ----------
    solver : Solver
        Completed: see `xdn.train.schedule.completed`.
    net : Net
        With the weights to begin with.
    examples : Examples
    prefix : Path
        The log is ``<prefix>.log.jsonl``, the snapshot ``<prefix>.snapshot.pt``.
    seed : int
    teachers : Teachers, optional
        Nets whose outputs are learnt too.
    """

    solver: Solver
    net: Net
    examples: Examples
    prefix: Path
    seed: int
    teachers: Teachers | None = None

    @property
    def log_path(self) -> Path:
        """The log."""
        return self.prefix.with_name(f"{self.prefix.name}.log.jsonl")

    @property
    def snapshot_path(self) -> Path:
        """The last snapshot."""
        return self.prefix.with_name(f"{self.prefix.name}.snapshot.pt")


class Trainer:
    """Trains `task.net`.

    Parameters
    ----------
    task : Task
    observer : Observer
    resume : bool
        Go on from the snapshot, if there is one.

    Raises
    ------
    ParseError, SettingError
        Where the snapshot is damaged, or belongs to another training; where the solver's type does not do what it asks.
    """

    def __init__(self, task: Task, observer: Observer, *, resume: bool = True):
        self.task, self._observer, solver = task, observer, task.solver
        checked_policy(solver)
        self.module = NetModule(task.net)
        self.module.momentum, self.module.thaw = solver.xdn.bn_momentum, not solver.xdn.freeze_bn
        self._loss_aware = LossAware(self.module, solver) if solver.xdn.loss_aware else None
        trained = self.module.trained()
        weights = self._loss_aware.trained(trained) if self._loss_aware else trained
        self.optimizer: CaffeOptimizer = optimizer_for(solver, weights)
        self.progress = Progress(losses=deque(maxlen=solver.average_loss))
        self._bf16, self.module.bf16_bits = bf16_wanted(solver.xdn.bf16), bf16_bits(solver.xdn.bf16)
        teachers = task.teachers.digests if task.teachers else []
        self._identity = identity(solver, task.net, task.examples.name, task.seed, teachers)
        if resume and task.snapshot_path.is_file():
            state = read_snapshot(task.snapshot_path)
            restore(state, self._identity, self.module, self.optimizer, self.progress, task.snapshot_path)
        self._log = TrainingLog(task.log_path, self.progress.iteration)
        self._begun = time.monotonic() - self.progress.seconds

    def run(self) -> Net:
        """Train up to the solver's last iteration and return the net; Ctrl-C leaves a snapshot to go on from."""
        solver, images, progress = self.task.solver, self.task.examples.train, self.progress
        begin, end = (count * solver.iter_size for count in (progress.iteration, solver.max_iter))
        with (
            torch.random.fork_rng(devices=[]),
            deferred_interrupt() as interrupt,
            prefetched(images.__getitem__, begin, end) as batches,
        ):
            try:
                self._test_if_due(interrupt)
                while progress.iteration < solver.max_iter:
                    self._iterate(batches)
                    self._test_if_due(interrupt)
                    if progress.iteration % solver.snapshot == 0 or progress.iteration == solver.max_iter:
                        self._save()
                    interrupt.check()
            except KeyboardInterrupt:
                if interrupt.asked == 1:
                    self._save()
                raise
        return self.module.to_net()

    def _iterate(self, batches: Iterator[tuple[Array, Array]]) -> None:
        """Make one iteration: the gradients of `iter_size` batches, one update, a row of the log where one is due."""
        solver, progress = self.task.solver, self.progress
        # Chances (Dropout) belong to the iteration, so that a training that stopped between two goes on with the same.
        torch.manual_seed(int(np.random.SeedSequence([self.task.seed, progress.iteration]).generate_state(1)[0]))
        rate = learning_rate(solver, progress.iteration)
        self.optimizer.set_rate(rate, momentum(solver, progress.iteration))
        self.module.train()
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for _ in range(solver.iter_size):
            loss = self._loss(*next(batches))
            loss.backward()
            total += float(loss.detach()) / solver.iter_size
        if not isfinite(total):
            mend = "Lower base_lr, or set clip_gradients or warmup_iter; the last snapshot is from before"
            raise CheckError(f"the loss is {total} at iteration {progress.iteration}", mend=mend)
        self.optimizer.step()
        if self._loss_aware:
            self._loss_aware.step(self.optimizer)
        progress.iteration += 1
        progress.losses.append(total)
        self._observer.advanced(progress.iteration, solver.max_iter, total)
        if progress.iteration % solver.display == 0:
            self._write({"lr": rate, "loss": sum(progress.losses) / len(progress.losses)})

    def _loss(self, images: Array, labels: Array) -> Tensor:
        x, y, recipe = torch.from_numpy(images), torch.from_numpy(labels), self.task.solver.xdn
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            logits = self.module(x).float()
            taught = self.task.teachers.logits(x) if self.task.teachers else []
        if self.task.teachers:
            return self.task.teachers.loss(logits, y, taught)
        return functional.cross_entropy(logits, y, label_smoothing=recipe.label_smoothing)

    def _test_if_due(self, interrupt: Interrupt) -> None:
        solver, progress = self.task.solver, self.progress
        if progress.tested == progress.iteration:
            return
        first = progress.iteration == 0 and solver.test_initialization
        regular = progress.iteration > 0 and progress.iteration % solver.test_interval == 0
        if first or regular or progress.iteration == solver.max_iter:
            accuracy, loss = measured(self.module, self.task.examples.test, interrupt)
            progress.tested, progress.accuracy = progress.iteration, accuracy
            self._write({"test_accuracy": accuracy, "test_loss": loss})

    def _write(self, row: Row) -> None:
        epoch = self.progress.iteration * self.task.solver.iter_size / self.task.examples.train.batches
        place = {"iteration": self.progress.iteration, "epoch": round(epoch, 3)}
        # What is not a number has no place in JSON.
        numbers = {name: value if isfinite(value) else None for name, value in row.items()}
        whole = place | numbers | {"seconds": round(self._seconds(), 1)}
        self._log.append(whole)
        self._observer.logged(whole)

    def _seconds(self) -> float:
        return time.monotonic() - self._begun

    def _save(self) -> None:
        self.progress.seconds = self._seconds()
        state: State = state_of(self._identity, self.module, self.optimizer, self.progress)
        write_snapshot(self.task.snapshot_path, state)


def set_threads(threads: int | None) -> None:
    """Let PyTorch compute with so many threads; for None with as many as it likes, but no more than processors."""
    usual = min(torch.get_num_threads(), available_cpus())
    torch.set_num_threads(usual if threads is None else checked_threads(threads))


@torch.inference_mode()
def measured(module: NetModule, images: TestImages, interrupt: Interrupt) -> tuple[float, float]:
    """Return top-1 accuracy in percent and mean cross entropy of `module` in evaluation mode, f32."""
    module.eval()
    right, loss = 0, 0.0
    for start in range(0, len(images), TEST_BATCH):
        interrupt.check()
        pixels, classes = images.batch(start, start + TEST_BATCH)
        logits, labels = module(torch.from_numpy(pixels)), torch.from_numpy(classes).long()
        right += int((logits.argmax(1) == labels).sum())
        loss += float(functional.cross_entropy(logits, labels, reduction="sum"))
    return 100.0 * right / len(images), loss / len(images)
