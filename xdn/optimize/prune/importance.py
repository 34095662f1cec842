"""How much a group's units mattered before any of them went, in few numbers."""

from dataclasses import dataclass

import numpy as np

from xdn.graph import Array

#: Bars of a histogram.
BARS = 24


@dataclass(frozen=True)
class Importance:
    """How much a group's units mattered, as its criterion has it.

    Parameters
    ----------
    most : float
        Of the most important unit.
    counts : tuple of int
        Units in each of as many equal parts of 0 .. `most`.
    gone : float
        What is lost with the least important units, as many as went, of what is lost with all; 0 to 1.
    """

    most: float
    counts: tuple[int, ...]
    gone: float


def importance_of(values: Array, losses: Array, went: int) -> Importance | None:
    """Return what is said of units of which so many went; None where figures are not finite.

    Parameters
    ----------
    values : (U,) f64
        Importance, 0 or more.
    losses : (U + 1,) f64
        As `Criterion.losses` has it.
    went : int
    """
    if not (np.isfinite(values).all() and np.isfinite(losses).all()):
        return None
    most, all_lost = float(values.max()), float(losses[-1])
    counts, _ = np.histogram(values, BARS, (0.0, most or 1.0))
    return Importance(most, tuple(counts.tolist()), float(losses[went]) / all_lost if all_lost else 0.0)
