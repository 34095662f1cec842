"""What pruning needs from the rest of XDN, passed in: images, a runner, gradients, a score, a clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from xdn.errors import DataError
from xdn.graph import Array, Net
from xdn.optimize.check import Arrays, Forward, reference

T = TypeVar("T")
#: (layer, weight) -> the gradient of the loss of one batch.
Gradients = Mapping[tuple[str, str], Array]


class GradientSource(Protocol):
    """Gradients of the loss over batches of labelled images: one mapping a batch."""

    def __call__(self, net: Net, /) -> Iterable[Gradients]:
        """Return the gradients of every weight of `net` by (layer, weight), batch by batch."""
        ...


class Score(Protocol):
    """How good a net is: the larger, the better."""

    def __call__(self, net: Net, /) -> float:
        """Return the score of `net`, such as its accuracy on images held out."""
        ...


class Clock(Protocol):
    """How long a net takes on this machine."""

    def __call__(self, net: Net, /) -> float:
        """Return the seconds for one image of a full batch."""
        ...


@dataclass(frozen=True, eq=False)
class Instruments:
    """What criteria and schedules may use.

    Parameters
    ----------
    images : mapping, optional
        Input name -> calibration images.
    forward : Forward
        Runs a net and keeps every blob; by default the NumPy references.
    gradients : GradientSource, optional
    score : Score, optional
    clock : Clock, optional
    """

    images: Arrays | None = None
    forward: Forward = reference
    gradients: GradientSource | None = None
    score: Score | None = None
    clock: Clock | None = None


def given(instrument: T | None, what: str) -> T:
    """Return an instrument; raise DataError where it is not there."""
    if instrument is None:
        raise DataError(f"this way of pruning needs {what}", mend="Name the data with --data")
    return instrument
