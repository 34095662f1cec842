"""What a step does, as a roofline sees it: cycles of arithmetic, and bytes that come from caches and from memory.

A step has phases, and threads that share it meet after each::

    moving = sum over streams of bytes / rate of the level, far = those from beyond the core's own caches
    cycles = call + sum over phases of (max(arithmetic, moving) + part * min(arithmetic, far)) / threads + barrier

A stream comes from the nearest level that keeps it from one use to the next.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil, inf

from xdn.codegen.rates import Level, Rates

#: Caches that a core has for itself. What comes from beyond them is not all there in time: the part of the shorter of
#: this and arithmetic that does not run beside the longer.
_OWN_LEVELS, _APART = 2, 0.2
#: How much longer it takes to get what another core has changed, which that core has to be asked for, than what a cache
#: keeps for both.
_HANDED = 2.0
#: Cycles of a call of a kernel.
_CALL = 250.0


@dataclass(frozen=True)
class Setting:
    """What a step's time depends on beside the step and the processor.

    Parameters
    ----------
    threads : int
        That run.
    members : int
        Those among them that share the step.
    net_bytes : float
        What the net touches between two uses of the same weights.
    blocks : int
        Blocks of images that the step takes at a time.
    band_bytes : float
        What steps that pass over rows in bands touch of their blobs.
    """

    threads: int = 1
    members: int = 1
    net_bytes: float = 0.0
    blocks: int = 1
    band_bytes: float = inf


#: One thread, weights that caches keep.
ALONE = Setting()


@dataclass(frozen=True)
class Loop:
    """Bytes that a step reads again and again, of a block; `held` must be kept by a cache from one time to the next."""

    bytes: float
    held: float

    def moved(self, rates: Rates, at: Setting) -> Iterator[tuple[float, Level]]:
        """Yield bytes of a block, and where they come from."""
        yield self.bytes, rates.level(self.held, at.threads)


@dataclass(frozen=True)
class Moved:
    """Bytes of blobs that pass from step to step; between two uses lie those of `held`, of a block."""

    bytes: float
    held: float

    def moved(self, rates: Rates, at: Setting) -> Iterator[tuple[float, Level]]:
        """Yield bytes of a block, and where they come from."""
        return _from_members(self.bytes, rates.level(min(self.held * at.blocks, at.band_bytes), at.threads), rates, at)


@dataclass(frozen=True)
class Handed:
    """Bytes that a phase writes and the next one reads; a cache must keep `held` meanwhile."""

    bytes: float
    held: float

    def moved(self, rates: Rates, at: Setting) -> Iterator[tuple[float, Level]]:
        """Yield bytes of a block, and where they come from."""
        return _from_members(self.bytes, rates.level(self.held, at.threads), rates, at)


@dataclass(frozen=True)
class Others:
    """Bytes that each member reads as a whole: all but a part of them is in the other members' caches."""

    bytes: float

    def moved(self, rates: Rates, at: Setting) -> Iterator[tuple[float, Level]]:
        """Yield bytes of a block, and where they come from."""
        if at.members > 1:
            yield self.bytes * (at.members - 1) * _HANDED, rates.shared_level


def _from_members(size: float, level: Level, rates: Rates, at: Setting) -> Iterator[tuple[float, Level]]:
    """Yield bytes and where they come from: what members of a team wrote is in the caches of each, if in these."""
    others = 1 - 1 / at.members if level.shared_by == 1 else 0.0
    yield size * (1 - others), level
    if others:
        yield size * others * _HANDED, rates.shared_level


@dataclass(frozen=True)
class Weights:
    """Bytes that are read once for all blocks that a step takes at a time, and come back with the next ones.

    Members that share the step read them `by_each`, or a part each.
    """

    bytes: float
    by_each: bool = False

    def moved(self, rates: Rates, at: Setting) -> Iterator[tuple[float, Level]]:
        """Yield bytes of a block, and where they come from."""
        yield (
            self.bytes * (at.members if self.by_each else 1) / at.blocks,
            rates.level_of_all(max(self.bytes, at.net_bytes)),
        )


Stream = Loop | Moved | Handed | Others | Weights


@dataclass(frozen=True)
class Phase:
    """Part of a step that a barrier ends.

    Parameters
    ----------
    cycles : float
        Of arithmetic, of a block, operands in the first cache.
    streams : sequence of Stream
    parts : float
        Units of work of a block, which threads share.
    """

    cycles: float
    streams: Sequence[Stream] = ()
    parts: float = inf

    def time(self, rates: Rates, at: Setting) -> float:
        """Return the cycles for a block."""
        near, far, own = 0.0, 0.0, rates.levels[:_OWN_LEVELS]
        for moved, level in chain.from_iterable(stream.moved(rates, at) for stream in self.streams):
            cycles = moved / (level.one if at.threads == 1 else level.each)
            near, far = (near + cycles, far) if level in own else (near, far + cycles)
        parts = self.parts * at.blocks
        share = 1 / at.members if parts == inf else ceil(parts / at.members) / parts
        return share * (max(self.cycles, near + far) + _APART * min(self.cycles, far)) + (
            rates.barrier / at.blocks if at.members > 1 else 0.0
        )


def cycles_of(phases: Iterable[Phase], rates: Rates, at: Setting) -> float:
    """Return the cycles of a step for a block."""
    return _CALL / at.blocks + sum(phase.time(rates, at) for phase in phases)
