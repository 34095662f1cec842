"""When each thread did what in a run, as `xdn/runtime/intervals.py` finds it."""

from typing import NamedTuple


class Interval(NamedTuple):
    """A call of a kernel by a thread, or a layer that is computed on whole arrays.

    Parameters
    ----------
    layer, type : str
        As of `LayerProfile`.
    kernel : str
        Its name; empty of a whole layer.
    thread : int
        From 0; 0 of a whole layer.
    first_image, images : int
        Of the run's images, those that it was done for.
    begin_us, us : float
        When it began, in microseconds from the first one's begin on, and how long it took. What the thread then waited
        for others is in no interval.
    """

    layer: str
    type: str
    kernel: str
    thread: int
    first_image: int
    images: int
    begin_us: float
    us: float


class Timeline(NamedTuple):
    """The intervals of a run.

    Parameters
    ----------
    threads : int
        That took part.
    intervals : tuple of Interval
        In the order in which they began.
    lost : int
        Later ones, which there was no room for.
    """

    threads: int
    intervals: tuple[Interval, ...]
    lost: int
