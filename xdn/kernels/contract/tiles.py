"""Tiles of output positions: those that share their tap lists, a few at a time."""

from collections.abc import Sequence

import numpy as np

from xdn.graph import Array
from xdn.kernels.contract.task import spread
from xdn.kernels.core.tables import shared
from xdn.kernels.core.taps import distinct


@shared
def position_classes(sources: Sequence[Array]) -> list[Array]:
    """Return the numbers of the output positions that share their lists, class by class.

    Parameters
    ----------
    sources : sequence of (P*Q, 4) int64
        For each blob that is read the table of positions: x offset, first and end of the list, y offset.
    """
    spans, number = distinct(np.hstack([positions[:, 1:3] for positions in sources]))
    return [np.flatnonzero(number == each) for each in range(len(spans))]


def tile_words(rows: int, sources: int = 1) -> int:
    """Return the words of a row of `class_tiles`."""
    return 2 + 2 * rows + (2 + rows) * (sources - 1)


@shared
def class_tiles(sources: Sequence[Array], classes: Sequence[Array], rows: int) -> Array:
    """Return a table of tiles of `rows` positions, in the order of their first ones.

    A row holds (first, end of the list, `rows` x offsets, `rows` y offsets), with a second source also (first, end of
    its list, `rows` x offsets). A class that does not fill its last tiles has positions that are computed twice: they
    are the same both times.
    """
    tiles = np.concatenate([members[_cut(len(members), rows)] for members in classes])
    tiles = tiles[np.argsort(tiles[:, 0], kind="stable")]
    own, *other = sources
    parts = [own[tiles[:, 0], 1:3], own[tiles, 0], own[tiles, 3]]
    for second in other:
        parts += [second[tiles[:, 0], 1:3], second[tiles, 0]]
    return np.hstack(parts)


def _cut(count: int, rows: int) -> Array:
    """Return (tiles, rows): the numbers 0..count-1 spread evenly over tiles, the last one of a tile repeated."""
    ends = np.cumsum(spread(count, rows))[:, None]
    begins = np.vstack([[[0]], ends[:-1]])
    numbers: Array = np.minimum(begins + np.arange(rows), ends - 1)
    return numbers
