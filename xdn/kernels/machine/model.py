"""A machine as rules see it: what its arithmetic, its caches, its memory and its barriers give.

Figures are measured (`xdn/runtime/machine.py`), so that rules hold on processors that nobody has fitted them to.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from xdn.codegen.rates import Level as Reached
from xdn.codegen.rates import Rates
from xdn.element import ELEMENTS, REAL
from xdn.errors import DataError
from xdn.record import Reader

#: Figures of a kept machine lie below this.
_MOST = 1e13


@dataclass(frozen=True)
class Rate:
    """10**9 things a second.

    Parameters
    ----------
    one, all : float
        Of one thread alone; of all threads together.
    sure : bool
        Whether several rounds gave nearly the best; else other programs may have disturbed all of them.
    """

    one: float
    all: float
    sure: bool = True


@dataclass(frozen=True)
class Level:
    """A cache, or memory.

    Parameters
    ----------
    name : str
        ``"L1"``, ``"L2"``, ``"L3"``, ``"memory"``.
    bytes : int
        Its size; 0 of memory.
    shared_by : int
        Processors that have it in common.
    gbytes : Rate
        10**9 bytes a second that are read from it.
    """

    name: str
    bytes: int
    shared_by: int
    gbytes: Rate


@dataclass(frozen=True)
class Machine:
    """What is known of a machine.

    Parameters
    ----------
    processor, instruction_set : str
        LLVM's name of the processor; a target's name.
    threads : int
        As many as "all" are.
    ghz, ghz_wide : float
        10**9 cycles a second of a core, and while it works on the widest vectors.
    macs : mapping
        Element -> 10**9 multiply-adds a second, operands in registers.
    tile_macs : Rate
        10**9 multiply-adds a second of the best register tile's loop, operands in the first cache: what kernels of f32
        can reach.
    levels : tuple of Level
        Caches, the nearest first, then memory.
    barrier_ns : float
        Nanoseconds in which all threads meet; 0 of one thread.
    """

    processor: str
    instruction_set: str
    threads: int
    ghz: float
    ghz_wide: float
    macs: Mapping[str, Rate]
    tile_macs: Rate
    levels: tuple[Level, ...]
    barrier_ns: float

    @property
    def sure(self) -> bool:
        """Whether all figures are."""
        rates = (*self.macs.values(), self.tile_macs, *(level.gbytes for level in self.levels))
        return all(rate.sure for rate in rates)

    def rates(self, lanes: int) -> Rates:
        """Return what a core whose vectors have so many lanes does in a cycle, as rules see it."""
        ghz = self.ghz_wide
        multiplied = min(self.macs[REAL.name].one, self.tile_macs.one) / ghz / lanes
        levels = tuple(
            Reached(
                level.bytes or inf,
                level.shared_by,
                level.gbytes.one / ghz,
                level.gbytes.all / self.threads / ghz,
            )
            for level in self.levels
        )
        return Rates(ghz=ghz, multiplied=multiplied, levels=levels, barrier=self.barrier_ns * ghz)

    def document(self) -> dict[str, Any]:
        """Return the machine as JSON takes it."""
        return asdict(self)

    @staticmethod
    def of(document: Any) -> "Machine":
        """Return the machine that a document describes; raise DataError where it does not describe one."""
        machine = Reader(DataError, whole=True).read(Machine, document)
        rates = (*machine.macs.values(), machine.tile_macs, *(level.gbytes for level in machine.levels))
        figures = [machine.threads, machine.ghz, machine.ghz_wide, *(x for rate in rates for x in (rate.one, rate.all))]
        others = [machine.barrier_ns, *(size for level in machine.levels for size in (level.bytes, level.shared_by))]
        if not all(0 < figure < _MOST for figure in figures) or not all(0 <= other < _MOST for other in others):
            raise DataError("this does not describe a machine: a figure is out of range")
        if unknown := [name for name in machine.macs if name not in ELEMENTS]:
            raise DataError(f"this does not describe a machine: it multiplies {', '.join(unknown)}")
        return machine
