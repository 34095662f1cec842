"""What a process that takes part in a run does: images of a block in, their part out."""

import hashlib
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from xdn.data.dataset import Dataset
from xdn.data.pixels import PixelTransform
from xdn.data.views import first_images
from xdn.errors import UnsupportedError
from xdn.evaluate.answers import Answers, outputs_of_images, warm
from xdn.evaluate.scores import Scores
from xdn.graph import Array
from xdn.runtime.backend import Progress
from xdn.runtime.session import Session
from xdn.shards.cut import Block
from xdn.shards.folder import PartsFolder, Run
from xdn.shards.part import CLASS, FACTS, IMAGE, LABEL, SCORES, Part, PartFacts


@dataclass(frozen=True, eq=False)
class Work:
    """A session, its images, and what is asked of them; it can be pickled.

    Parameters
    ----------
    session : Session
    images : Dataset
    transform : PixelTransform
        From the images to the net's only input.
    scores : Scores or None
        Where the net tells classes; of a net that tells none all outputs are kept.
    batch : int, optional
        Images in one call, by default as many as fit.
    count : int, optional
        The first so many images alone.
    """

    session: Session
    images: Dataset
    transform: PixelTransform
    scores: Scores | None = None
    batch: int | None = None
    count: int | None = None

    @cached_property
    def dataset(self) -> Dataset:
        """The images that are run."""
        return first_images(self.images, self.count)

    def run(self, net: str, block_images: int) -> Run:
        """Return the run that this is, in parts of so many images; `net` is its name as people read it."""
        data, how = self.dataset, self.session.configuration
        facts = {
            "net's layers and weights": self.session.net.digest,
            "pixels": images_digest(self.images),
            "labels": _digest(data.labels.astype("<i4").tobytes()),
            "transform": _digest(self.transform.mean.tobytes(), self.transform.factor.tobytes(), self.transform.crop),
            "scores": repr(self.scores),
            "precision": repr((how.precision, how.winograd, how.weights_as)),
        }
        title, scored = f"{data.title}, {data.split}", self.scores is not None
        return Run(net, title, len(data), block_images, data.classes, scored, facts)

    def prepare(self, block_images: int) -> None:
        """Make what the first block takes: a plan, and machine code."""
        warm(self.session, self.dataset.images(0, min(len(self.dataset), block_images)), self.transform, self.batch)

    def part(self, block: Block, run: str) -> Part:
        """Return what the net says of a block; `run` is the digest of the run."""
        began, begin = time.time(), time.perf_counter()
        images = self.dataset.images(block.start, block.stop)
        columns = self._columns(images)
        seconds = time.perf_counter() - begin
        session = self.session
        told = worker_name(), session.threads, began, seconds, session.kernels_compiled
        labels = self.dataset.labels[block.start : block.stop]
        return Part(PartFacts(run, block.start, block.stop, *told), labels, columns)

    def _columns(self, images: Array) -> dict[str, Array]:
        names = self.session.net.outputs
        calls = outputs_of_images(self.session, images, self.transform, self.batch)
        if self.scores is not None:
            place = names.index(self.scores.blob)
            answers = Answers.of((outputs[place] for outputs in calls), self.scores)
            return {CLASS: answers.classes, SCORES: _rows(np.concatenate(answers.scores))}
        found = list(calls)
        return {name: self._output(name, [outputs[at] for outputs in found], images) for at, name in enumerate(names)}

    @staticmethod
    def _output(name: str, calls: list[Array], images: Array) -> Array:
        """Return an output of a block, (N, K); raise UnsupportedError where it does not belong to single images."""
        if sum(map(len, calls)) != len(images) or name in (FACTS, IMAGE, LABEL):
            what = f"the output {name!r} has no row for each image"
            raise UnsupportedError(what, mend="Run it whole, with --outputs FILE.npz")
        return _rows(np.concatenate(calls))


def _rows(values: Array) -> Array:
    return values.reshape(len(values), -1)


def worker_name() -> str:
    """Return what a process is called among those that take part."""
    return f"{platform.node()}:{os.getpid()}"


def images_digest(images: Dataset) -> str:
    """Return what tells images apart: names, form, and of a packed file its checksums, of others their files' names."""
    form = images.name, images.split, images.shape, images.channel_order, sorted(images.preprocessing.items())
    return _digest(images.content(), *form)


def _digest(*said: object) -> str:
    sha = hashlib.sha256()
    for each in said:
        sha.update(each if isinstance(each, bytes) else repr(each).encode())
    return sha.hexdigest()[:16]


def run_blocks(
    work: Work,
    folder: PartsFolder,
    blocks: Sequence[Block],
    progress: Progress | None = None,
    *,
    prepared: bool = False,
) -> int:
    """Make the parts of blocks, one after the other; return how many images they have.

    `progress` is told the images that are done, and all of these. Where nothing is `prepared` yet that comes first, so
    that no part's time has it.
    """
    if not prepared:
        work.prepare(folder.run.block_images)
    done, total, digest = 0, sum(map(len, blocks)), folder.run.digest
    for block in blocks:
        work.part(block, digest).write(folder.path)
        done += len(block)
        if progress is not None:
            progress(done, total)
    return done


def default_folder(net: str) -> Path:
    """Return where the parts of a net's run lie when nobody says it."""
    return Path(f"{Path(net).stem}.parts")
