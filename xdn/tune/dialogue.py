"""A search strategy, asked and answered point by point."""

from collections.abc import Sequence
from math import inf

from xdn.tune.search import Search
from xdn.tune.space import Point


class Dialogue:
    """A search that is told one score after another, and what is known of its points.

    Parameters
    ----------
    search : Search
        Has not begun.
    """

    def __init__(self, search: Search):
        self._search, self._request = search, next(search, None)
        self._scores: list[float] = []
        # Point -> (share, score) of its longest measurement.
        self._longest: dict[Point, tuple[float, float]] = {}

    @property
    def asked(self) -> tuple[Point, float] | None:
        """The point that is asked for next, and the share of its measurement; None where the search has ended."""
        points, share = self.asked_together
        return (points[0], share) if points else None

    @property
    def asked_together(self) -> tuple[Sequence[Point], float]:
        """The points that are asked for whatever comes of each, in order, and the share; none after the end."""
        return (self._request.points[len(self._scores) :], self._request.share) if self._request else ((), 1.0)

    def tell(self, score: float) -> None:
        """Give the score of the point that is asked for."""
        assert self._request, "a search that has ended asks for nothing"
        point, share = self._request.points[len(self._scores)], self._request.share
        if self._longest.get(point, (0.0, inf))[0] <= share:
            self._longest[point] = (share, score)
        self._scores.append(score)
        if len(self._scores) == len(self._request.points):
            try:
                self._request = self._search.send(self._scores)
            except StopIteration:
                self._request = None
            self._scores = []

    def best(self, count: int) -> list[Point]:
        """Return the best points that did not fail: of each the longest measurement counts, longer ones come first.

        What was measured on a small part of the images does not beat what was measured on all, however lucky.
        """
        good = {point: known for point, known in self._longest.items() if known[1] < inf}
        most = max((share for share, _ in good.values()), default=0.0)
        return sorted(good, key=lambda point: (good[point][0] < most, good[point][1]))[:count]
