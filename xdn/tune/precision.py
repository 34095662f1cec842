"""In what numbers a net is computed: the fastest of several ways whose error on images stays within a bound."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from xdn.data.pixels import PixelTransform
from xdn.errors import SettingError, UnsupportedError, WeightsError
from xdn.evaluate.answers import images_at_once, outputs_of_images, stated_batch
from xdn.evaluate.scores import Scores
from xdn.graph import Array
from xdn.runtime.parts import WholePart
from xdn.runtime.session import Session
from xdn.tune.tuner import LEAST_GAIN
from xdn.tune.verdict import Verdict, Weighed

#: Rounds in which a candidate and what it is compared with take turns: so many at least, more within these seconds.
LEAST_ROUNDS, MOST_ROUNDS, ROUNDS_S = 3, 25, 1.5
#: What says that a machine, or a net, has no such way to compute.
_REFUSALS = (SettingError, UnsupportedError, WeightsError)
#: Told (candidates that are measured, in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Judge:
    """Measures sessions of one net on images.

    Parameters
    ----------
    images : (N, H, W, C) u8
    transform : PixelTransform
    labels : (N,) int32, optional
        None where none are known.
    scores : Scores, optional
        Where the net tells classes; without it the place of the largest number in its first output stands for one.
    batch : int, optional
        Images of a timed call; by default as many as are run at once.
    """

    images: Array
    transform: PixelTransform
    labels: Array | None = None
    scores: Scores | None = None
    batch: int | None = None

    def classes(self, session: Session) -> Array:
        """Return (n,) what a session says of the images, of as many as whole calls have of a net with a fixed batch."""
        blob = self.scores.blob if self.scores else session.net.outputs[0]
        place, fixed = session.net.outputs.index(blob), stated_batch(session.net)
        images = self.images[: len(self.images) // fixed * fixed] if fixed else self.images
        calls = outputs_of_images(session, images, self.transform, fixed)
        values = np.concatenate([outputs[place] for outputs in calls])
        if len(values) != len(images) or not len(images):
            what = f"the output {blob!r} has no entry for each image, so that no error can be told"
            raise SettingError(what, mend="Name the precision")
        return self.scores.read(values)[0] if self.scores else values.reshape(len(values), -1).argmax(axis=1)

    def drop(self, exact: Array, found: Array) -> float:
        """Return how many points less of the images have their label in `found` than in `exact`, or have another."""
        if self.labels is None:
            return 100 * int((found != exact).sum()) / len(exact)
        labels = self.labels[: len(exact)]
        return 100 * (int((exact == labels).sum()) - int((found == labels).sum())) / len(exact)

    def call(self, session: Session) -> Array:
        """Return the images of a timed call."""
        count = stated_batch(session.net) or self.batch or min(len(self.images), images_at_once(session, self.images))
        return np.resize(self.images, (count, *self.images.shape[1:]))

    def seconds(self, session: Session, images: Array) -> float:
        """Return the seconds of a call."""
        begin = time.perf_counter()
        for _ in outputs_of_images(session, images, self.transform, len(images)):
            pass
        return time.perf_counter() - begin


def weighed(
    candidates: Mapping[str, Callable[[], Session]], judge: Judge, max_drop: float, progress: Progress | None = None
) -> Verdict:
    """Measure all candidates, and take the fastest whose drop is within `max_drop` points.

    Each takes turns with the first one, the most exact, so that what else the machine does slows both. One that is not
    `LEAST_GAIN` faster than one before it is not taken in its place.

    Parameters
    ----------
    candidates : mapping
        Name -> what opens a session; the first one cannot fail. SettingError, UnsupportedError and WeightsError of
        others say why they are not available.
    judge : Judge
    max_drop : float
    progress : callable, optional
    """
    first, *others = candidates
    found: dict[str, Weighed] = {}
    base_s: list[float] = []
    with closing(candidates[first]()) as base:
        exact, images = judge.classes(base), judge.call(base)
        for done, name in enumerate(candidates):
            if progress:
                progress(done, len(candidates))
            if name == first:
                continue
            try:
                with closing(candidates[name]()) as session:
                    _check_kernels(session, base)
                    drop = judge.drop(exact, judge.classes(session))
                    turns = _turns(judge, (base, session), images)
            except _REFUSALS as error:
                found[name] = Weighed(name, why=str(error))
                continue
            base_s += [own for own, _ in turns]
            found[name] = Weighed(name, factor=median(own / other for own, other in turns), drop=drop)
        base_ms = 1e3 * median(base_s or [judge.seconds(base, images) for _ in range(LEAST_ROUNDS)])
    rows = [Weighed(first, factor=1.0, drop=0.0), *map(found.__getitem__, others)]
    taken = _best(rows, max_drop)
    reasoned = tuple(_reasoned(each, taken, max_drop, base_ms) for each in rows)
    return Verdict(taken.name, reasoned, max_drop, len(exact), judge.labels is not None, len(images))


def _check_kernels(session: Session, base: Session) -> None:
    """Raise UnsupportedError where a session computes layers by the references that the other has kernels for."""
    without = [part.layer.name for part in session.parts if isinstance(part, WholePart)]
    known = {part.layer.name for part in base.parts if isinstance(part, WholePart)}
    if strange := [name for name in without if name not in known]:
        raise UnsupportedError(f"of {len(strange)} layers there are no kernels for it, such as {strange[0]!r}")


def _turns(judge: Judge, sessions: tuple[Session, Session], images: Array) -> list[tuple[float, float]]:
    """Return the seconds of both sessions in some turns; the first turn does not count."""
    turns: list[tuple[float, float]] = []
    begin = time.perf_counter()
    while len(turns) <= LEAST_ROUNDS or (len(turns) <= MOST_ROUNDS and time.perf_counter() - begin < ROUNDS_S):
        own, other = (judge.seconds(session, images) for session in sessions)
        turns.append((own, other))
    return turns[1:]


def _best(rows: Sequence[Weighed], max_drop: float) -> Weighed:
    """Return the fastest of those within the bound, the first of about equals."""
    best = rows[0]
    for each in rows[1:]:
        fits = each.drop is not None and each.drop <= max_drop
        if fits and (each.factor or 0.0) > (1 + LEAST_GAIN) * (best.factor or 0.0):
            best = each
    return best


def _reasoned(each: Weighed, taken: Weighed, max_drop: float, base_ms: float) -> Weighed:
    """Return a candidate with its milliseconds, and why it is taken or not."""
    if each.factor is None or each.drop is None:
        return each
    if each is taken:
        why = "taken"
    elif each.drop > max_drop:
        why = f"drops by more than {max_drop:g} points"
    else:
        why = f"not faster than {taken.name}"
    return replace(each, ms=base_ms / each.factor, why=why)
