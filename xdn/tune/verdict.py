"""What a search for the numbers to compute in found: each candidate's time and error, and which is taken."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weighed:
    """What was measured of a candidate.

    Parameters
    ----------
    name : str
    ms : float or None
        Milliseconds of a call; None where it cannot be run.
    factor : float or None
        How many times faster than the first candidate it was, in the median of turns.
    drop : float or None
        Points of a hundred: how many images less than with the first candidate have their label, or its label.
    why : str
        Why it is taken, or not.
    """

    name: str
    ms: float | None = None
    factor: float | None = None
    drop: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """Which candidate is taken, and why.

    Parameters
    ----------
    taken : str
    candidates : tuple of Weighed
        In the order in which they were given.
    max_drop : float
        Points.
    images : int
        On which drops were measured.
    labelled : bool
        Whether they are of correct labels; else of labels equal to those of the first candidate.
    batch : int
        Images of a timed call.
    """

    taken: str
    candidates: tuple[Weighed, ...]
    max_drop: float
    images: int
    labelled: bool
    batch: int
