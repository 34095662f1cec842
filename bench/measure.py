"""Choose each engine's best setting, then time all engines in turn."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from engine import BF16, F32, XDN, Engine

from xdn import settings
from xdn.data import Dataset
from xdn.data.packed import PackedData
from xdn.data.views import first_images
from xdn.errors import XdnError
from xdn.evaluate.compared import Setting
from xdn.evaluate.engines import AS_IT_COMES
from xdn.evaluate.timing import run_for

#: Largest difference of an engine in f32, relative to the largest output: other algorithms (Winograd).
TOLERANCE = 1e-3
#: And of XDN in bf16: values and weights are rounded by 2^-9 at each of some hundred layers, and what comes of that is
#: not larger.
BF16_TOLERANCE = 0.1

#: How long the trial of one setting should take at most, after its warm-up, in seconds.
TRIAL_S = 1.0
#: How long an engine runs before it is timed, in seconds: its own threads are awake then, and those of the engine
#: before it, which may spin for work for 0.2 s (OpenMP), asleep. After a rest, threads may share a core for long.
WARM_S = settings.COMPARED_WARM_S
#: Images a batch where only labels count.
ANSWER_BATCH = 16

Opener = Callable[[], Dataset]


@dataclass
class Contestant:
    """An engine that takes part, its setting, and its times.

    `total_s` holds, a round, the seconds with conversion; `own_form_s` those with the data already in the
    engine's form; `latencies_ms` every single time of batch 1.
    """

    engine: Engine
    setting: Setting
    total_s: list[float] = field(default_factory=list)
    own_form_s: list[float] = field(default_factory=list)
    latencies_ms: list[list[float]] = field(default_factory=list)
    labels: np.ndarray | None = None

    @property
    def name(self) -> str:
        """What its figures are called."""
        as_it_comes = self.setting.variant == AS_IT_COMES
        return f"{self.engine.title} {AS_IT_COMES}" if as_it_comes else self.engine.title


def opener(path: Path, count: int) -> Opener:
    """Return a function that opens the first `count` images of a packed file."""
    return lambda: first_images(PackedData.open(path), count)


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Return (seconds, result) of `action`."""
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def in_turn(
    actions: Mapping[str, Callable[[], Any]], rounds: int, warm_s: float = 0.0
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Run all actions in turn, `rounds` times after one round that is not counted, each after `warm_s` of itself.

    Returns
    -------
    seconds : dict
        An action's name -> the times of its rounds.
    results : dict
        An action's name -> what it returned last.
    """
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    results = {}
    for number in range(rounds + 1):
        for name, action in actions.items():
            run_for(action, warm_s)
            once_s, results[name] = timed(action)
            seconds[name] += [once_s] if number else []
    return seconds, results


def drain(engine: Engine, batches: Iterable[Any]) -> None:
    """Run batches and drop the outputs."""
    for _ in engine.infer(batches):
        pass


def warm_up(engine: Engine, batch: Any) -> None:
    """Run a batch again and again for `WARM_S`."""
    run_for(partial(drain, engine, [batch]), WARM_S)


def best_setting(
    engine: Engine, images: np.ndarray, batches: Sequence[int], log: Callable[[str], None], *, one_by_one: bool = False
) -> Setting:
    """Return the setting with the most images a second on a subset, the conversion left out.

    One by one each batch is over before the next one begins, as single requests are.
    """
    found: dict[Setting, float] = {}
    for variant in engine.variants:
        for batch in batches:
            engine.configure(batch, variant)
            part = [engine.convert(part) for part in engine.parts(images[:batch], batch)]
            drain(engine, part)
            once_s, _ = timed(partial(drain, engine, part))
            repeats = max(2, int(TRIAL_S / 2 / once_s))
            parts = [part] * repeats if one_by_one else [part * repeats]
            seconds = min(sum(timed(partial(drain, engine, each))[0] for each in parts) for _ in range(2))
            found[Setting(batch, variant)] = seconds / (repeats * batch)
    best = min(found, key=found.__getitem__)
    log(f"{engine.title}: batch {best.batch}, {best.variant} ({1 / found[best]:.0f} images/s on a subset)")
    return best


def check_agreement(engine: Engine, images: np.ndarray, expected: np.ndarray) -> dict[str, float]:
    """Return the engine's names, that as it comes too, -> largest difference to `expected`, relative to its largest.

    One that is too large raises XdnError. Not judged is what computes in other number formats than f32: in 8-bit
    integers, and as it comes; and in bf16, but for XDN, whose kernels are then others than in f32.
    """
    bounds = {F32: TOLERANCE} | ({BF16: BF16_TOLERANCE} if engine.name == XDN else {})
    differences = {}
    for variant in (engine.variants[0], *[AS_IT_COMES] * engine.stands_twice):
        engine.configure(len(images), variant)
        (outputs,) = engine.infer([engine.convert(images)])
        largest = float(np.abs(outputs.reshape(expected.shape) - expected).max() / np.abs(expected).max())
        differences[Contestant(engine, Setting(len(images), variant)).name] = largest
        bound = None if variant == AS_IT_COMES else bounds.get(engine.model.precision)
        if bound is not None and not largest <= bound:
            raise XdnError(f"{engine.title} differs from the references by {largest:.2g}, and is not timed")
    return differences


def _own_form_seconds(c: Contestant, images: np.ndarray) -> float:
    """Return the seconds from converted batches to all labels, which are kept."""
    own_form = [c.engine.convert(part) for part in c.engine.parts(images, c.setting.batch)]
    warm_up(c.engine, own_form[0])
    seconds, c.labels = timed(lambda: c.engine.labels(own_form, len(images)))
    return seconds


def _contest_seconds(c: Contestant, opened: Opener) -> float:
    """Return the seconds from opening the packed file to all labels, which are kept; the engine is warm."""
    seconds, c.labels = timed(lambda: c.engine.classify(opened(), c.setting.batch))
    return seconds


def run_rounds(contestants: Sequence[Contestant], rounds: int, opened: Opener | None, images: np.ndarray) -> None:
    """Time all contestants in turn, `rounds` times, after one round that is not counted.

    Parameters
    ----------
    contestants : sequence of Contestant
        Their times and labels are filled in.
    rounds : int
    opened : callable, optional
        Opens the packed file. None: only the engines' own form is timed.
    images : (N, H, W, C) u8
    """
    for c in contestants:
        c.engine.configure(c.setting.batch, c.setting.variant)
    for number in range(rounds + 1):
        for c in contestants:
            own_form_s = _own_form_seconds(c, images)
            total_s = _contest_seconds(c, opened) if opened else None
            if number:
                c.own_form_s.append(own_form_s)
                c.total_s += [total_s] if total_s is not None else []


def answer(contestants: Sequence[Contestant], images: np.ndarray) -> None:
    """Let all contestants label the images (N, H, W, C) u8, in batches and not timed."""
    for c in contestants:
        batch = min(ANSWER_BATCH, len(images))
        c.engine.configure(batch, c.setting.variant)
        c.labels = c.engine.labels(map(c.engine.convert, c.engine.parts(images, batch)), len(images))


def _single_ms(engine: Engine, images: np.ndarray) -> list[float]:
    """Return the milliseconds of each image alone, the conversion left out."""
    singles = [engine.convert(images[i : i + 1]) for i in range(len(images))]
    warm_up(engine, singles[0])
    return [1e3 * timed(partial(drain, engine, [x]))[0] for x in singles]


def run_latencies(contestants: Sequence[Contestant], rounds: int, images: np.ndarray) -> None:
    """Time single images in turn, `rounds` times, after one round that is not counted."""
    for c in contestants:
        c.engine.configure(1, c.setting.variant)
    for number in range(rounds + 1):
        for c in contestants:
            times = _single_ms(c.engine, images)
            if number:
                c.latencies_ms.append(times)


def median_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the median, and (largest - smallest) / median."""
    middle = statistics.median(values)
    return middle, (max(values) - min(values)) / middle


def summary_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median of times as `ms`, the shortest as `least_ms`, and their `spread`."""
    middle, spread = median_and_spread(seconds)
    return {"ms": 1e3 * middle, "least_ms": 1e3 * min(seconds), "spread": spread}
