"""How fast a processor is, as rules see it: what a core multiplies, loads and reads in a cycle."""

from dataclasses import dataclass
from math import inf

from xdn import settings
from xdn.element import BF16, S8, U8, Element

#: The part of a cache that keeps what a loop comes back to: the rest is taken by what passes beside it.
_KEPT = 0.75


@dataclass(frozen=True)
class Level:
    """A cache, or memory.

    Parameters
    ----------
    bytes : float
        Its size; infinite of memory.
    shared_by : int
        Threads that have it in common, where all run.
    one, each : float
        Bytes that are read from it in a cycle: by one thread alone, by each of all threads.
    """

    bytes: float
    shared_by: int
    one: float
    each: float


@dataclass(frozen=True)
class Rates:
    """What a core does in a cycle; by default that of a core which nobody has measured.

    Parameters
    ----------
    ghz : float
        10**9 cycles a second.
    multiplied : float
        Vectors that are multiplied and added by the best register tile's loop, operands in the first cache.
    dots : float
        The same of products of 8-bit numbers, four in each lane.
    pairs : float
        And of bf16, two in each lane.
    scalars : float
        Single values that are loaded into all lanes of a vector.
    latency : float
        Cycles of a multiply-add until its result can be added to.
    levels : tuple of Level
        The caches, the nearest first, then memory.
    barrier : float
        Cycles in which all threads meet.
    """

    ghz: float = 3.5
    multiplied: float = 1.9
    dots: float = 1.9
    pairs: float = 1.9
    scalars: float = 2.0
    latency: float = 4.0
    levels: tuple[Level, ...] = (
        Level(32 << 10, 1, 64.0, 64.0),
        Level(settings.CORE_CACHE_BYTES, 1, 32.0, 32.0),
        Level(16 << 20, 2, 16.0, 12.0),
        Level(inf, 2, 8.0, 6.0),
    )
    barrier: float = 500.0

    def products(self, element: Element) -> float:
        """Return the vectors of products of an element, as many as lie together in each lane, of a cycle."""
        known = {U8: self.dots, S8: self.dots, BF16: self.pairs}
        return known.get(element, self.multiplied)

    def step(self, rows: int, vectors: int, loads: float = 0.0) -> float:
        """Return the cycles of a step of a register tile: it multiplies each row with each vector, and adds to sums.

        Parameters
        ----------
        rows, vectors : int
        loads : float
            Cycles that what it loads takes, at the same time.
        """
        return max(rows * vectors / self.multiplied, loads, self.latency)

    def level(self, held: float, threads: int) -> Level:
        """Return the nearest level that keeps so many bytes of each of so many threads from one use to the next."""
        return next(level for level in self.levels if held <= _KEPT * level.bytes / min(threads, level.shared_by))

    @property
    def shared_level(self) -> Level:
        """The nearest level through which threads give each other what they wrote."""
        return next((level for level in self.levels if level.shared_by > 1), self.levels[-1])

    def level_of_all(self, held: float) -> Level:
        """Return the nearest level that keeps so many bytes which all threads read, such as a net's weights."""
        return next(level for level in self.levels if held <= _KEPT * level.bytes)


#: Of a core that nobody has measured.
USUAL = Rates()
