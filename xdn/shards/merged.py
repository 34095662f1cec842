"""The result of all parts of a run."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xdn.errors import ParseError
from xdn.evaluate.accuracy import INVALID, Accuracy, measured, together
from xdn.shards.folder import PartsFolder, Run
from xdn.shards.part import CLASS, SCORES, Part, PartFacts


@dataclass(frozen=True)
class WorkerTimes:
    """What one process contributed.

    Parameters
    ----------
    worker : str
        Host, and number of the process.
    threads, parts, images : int
    busy_s, span_s : float
        Seconds in which it computed these; from its first image to its last result, and so with what lay between.
    kernels_compiled : int
        Kernels that it compiled since no cache, and nobody else, had them.
    """

    worker: str
    threads: int
    parts: int
    images: int
    busy_s: float
    span_s: float
    kernels_compiled: int


@dataclass(frozen=True)
class Merged:
    """What all parts of a run are together.

    Parameters
    ----------
    net, data : str
        Names as people read them.
    images, parts : int
    accuracy : Accuracy or None
        None of a net that tells no classes.
    busy_s : float
        Seconds of all processes added up.
    longest_s : float
        Of the process that took longest: what the run takes where all of them begin together.
    workers : tuple of WorkerTimes
    """

    net: str
    data: str
    images: int
    parts: int
    accuracy: Accuracy | None
    busy_s: float
    longest_s: float
    workers: tuple[WorkerTimes, ...]

    @property
    def images_per_s(self) -> float:
        """Images a second of all processes together."""
        return self.images / self.longest_s


def merged(folder: PartsFolder) -> Merged:
    """Return the result of a run whose parts are all there; one part at a time is in memory.

    Raises
    ------
    DataError, ParseError
        As `PartsFolder.parts` and `Part.read` do.
    """
    run, by_worker = folder.run, defaultdict[str, list[PartFacts]](list)
    accuracies = []
    for part in folder.parts():
        by_worker[part.facts.worker].append(part.facts)
        if run.scored:
            accuracies.append(_accuracy(part, run))
    workers = tuple(_times(by_worker[name]) for name in sorted(by_worker))
    return Merged(
        run.net,
        run.data,
        run.images,
        sum(each.parts for each in workers),
        together(accuracies) if accuracies else None,
        sum(each.busy_s for each in workers),
        max(each.span_s for each in workers),
        workers,
    )


def _times(parts: Sequence[PartFacts]) -> WorkerTimes:
    """Return what the parts of one process say of it."""
    last = max(parts, key=lambda each: each.began)
    return WorkerTimes(
        last.worker,
        last.threads,
        len(parts),
        sum(len(each.block) for each in parts),
        sum(each.seconds for each in parts),
        last.began - min(each.began for each in parts) + last.seconds,
        last.kernels_compiled,
    )


def _accuracy(part: Part, run: Run) -> Accuracy:
    """Return the accuracy of a part; raise ParseError where it has no scores of the run's classes."""
    classes, scores = part.columns.get(CLASS), part.columns.get(SCORES)
    where = f"images {part.facts.block}"
    if classes is None or scores is None or classes.shape != part.labels.shape or scores.ndim != 2:
        raise ParseError("the part has no scores of classes", where=where, mend="Remove it, and run its images again")
    if not np.all((part.labels >= 0) & (part.labels < len(run.classes))):
        raise ParseError(f"the part has labels beyond {len(run.classes)} classes", where=where)
    if classes.dtype.kind != "i" or classes.min() < INVALID:
        raise ParseError("the part has classes that are none", where=where)
    return measured(part.labels, classes, [scores], run.classes)
