"""Several configurations timed in turn in one process: what the contest's table and its waterfall are made of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from xdn import __version__
from xdn.errors import DataError
from xdn.evaluate.evaluation import SCHEMA, Evaluation
from xdn.evaluate.origin import machine
from xdn.record import Reader


@dataclass(frozen=True)
class Bar:
    """One configuration.

    Parameters
    ----------
    key : str
        By which it is found, such as ``"opt-b-2"``.
    title : str
        What people read.
    result : Evaluation
    images : int
        Images that the bar stands for; more than the result's where only a part of them was timed.
    net_macs, parameters : int
        Of the net as its file has it, padding counted as data.
    """

    key: str
    title: str
    result: Evaluation
    images: int
    net_macs: int
    parameters: int

    @property
    def scale(self) -> float:
        """What a measured time is multiplied by: 1 where all images were timed."""
        return self.images / self.result.contest.images

    @property
    def seconds(self) -> float:
        """Median time of all images."""
        return self.result.contest.contest_s * self.scale

    @property
    def spread(self) -> float:
        """(slowest - fastest) / median of the rounds."""
        return self.result.contest.spread

    @property
    def limit_s(self) -> float | None:
        """Time of the executed multiplications at the measured peak of as many threads, None where not known."""
        limit_s = self.result.limit_s
        return None if limit_s is None else limit_s * self.scale


@dataclass(frozen=True)
class Contest:
    """Bars that were timed in turn.

    Parameters
    ----------
    rounds : int
    bars : tuple of Bar
    """

    rounds: int
    bars: tuple[Bar, ...]

    def document(self) -> dict[str, Any]:
        """Return everything as JSON values, the machine and the version included."""
        return {"schema": SCHEMA, "xdn": __version__, "machine": machine(), **asdict(self)}

    @staticmethod
    def read(document: Mapping[str, Any]) -> "Contest":
        """Return what `document` says; raise DataError where it is of another schema or damaged."""
        if document.get("schema") != SCHEMA:
            raise DataError(f"results of schema {document.get('schema')}; {SCHEMA} is read", mend="Time them again")
        return Reader(DataError, whole=True).read(Contest, document)
