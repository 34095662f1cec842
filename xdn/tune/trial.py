"""One measured point of a search."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any


@dataclass(frozen=True)
class Trial:
    """A point, how long it was measured, and what came of it.

    Parameters
    ----------
    values : mapping
        Axis' name -> value.
    share : float
        Of a full measurement.
    score : float
        Cost relative to the default configuration's, measured beside it; lower is better, infinite where it failed.
    error : str
        Why it failed; empty where it did not.
    at_s : float
        Seconds of the search when it was done.
    """

    values: Mapping[str, Any]
    share: float
    score: float = inf
    error: str = ""
    at_s: float = 0.0

    def document(self) -> dict[str, Any]:
        """Return it as JSON values; the score of what failed is null."""
        score = None if self.score == inf else self.score
        return {"values": dict(self.values), "share": self.share, "score": score, "error": self.error}
