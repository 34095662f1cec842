"""A machine as rules see it: what its arithmetic, its caches, its memory and its barriers give.

Figures are measured (`xdn/runtime/machine.py`), so that rules hold on processors that nobody has fitted them to.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import Any

from xdn.codegen.rates import Level as Reached
from xdn.codegen.rates import Rates
from xdn.element import BF16, ELEMENTS, REAL, S8, Element
from xdn.errors import DataError
from xdn.record import Reader

#: Figures of a kept machine lie below this.
_MOST = 1e13
#: Two measurements agree where they are this near.
_NEAR = 1.03


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

    def better(self, other: "Rate") -> "Rate":
        """Return the best of two measurements: sure where a sure one gave nearly that, or where both did."""
        one, together = max(self.one, other.one), max(self.all, other.all)
        near = [each for each in (self, other) if one <= _NEAR * each.one and together <= _NEAR * each.all]
        return Rate(one, together, len(near) == 2 or any(each.sure for each in near))


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
        Element -> 10**9 multiply-adds a second, operands in registers; of 8 bits and of bf16 those of a tile's loop.
        bf16 is there where the processor has an instruction for it.
    tile_macs : Rate
        10**9 multiply-adds a second of the best register tile's loop, operands in the first cache: what kernels of f32
        can reach.
    levels : tuple of Level
        Caches, the nearest first, then memory.
    barrier_ns : float
        Nanoseconds in which all threads meet; 0 of one thread.
    barrier_sure : bool
        Whether several rounds gave nearly that.
    measured : int
        How often it was: the best of each figure counts.
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
    barrier_sure: bool = True
    measured: int = 1

    @property
    def sure(self) -> bool:
        """Whether all figures are."""
        rates = (*self.macs.values(), self.tile_macs, *(level.gbytes for level in self.levels))
        return self.barrier_sure and all(rate.sure for rate in rates)

    def comparable(self, other: "Machine") -> bool:
        """Return whether both have the same figures, of one kind of machine."""
        return self._kind() == other._kind()

    def _kind(self) -> tuple[object, ...]:
        levels = [(level.name, level.bytes, level.shared_by) for level in self.levels]
        return self.processor, self.instruction_set, self.threads, {*self.macs}, levels

    def better(self, other: "Machine") -> "Machine":
        """Return the same machine by the best figures of two measurements: whatever disturbs one makes it slower."""
        faster, slower = sorted((self, other), key=lambda machine: machine.barrier_ns)
        return replace(
            self,
            ghz=max(self.ghz, other.ghz),
            ghz_wide=max(self.ghz_wide, other.ghz_wide),
            macs={name: rate.better(other.macs[name]) for name, rate in self.macs.items()},
            tile_macs=self.tile_macs.better(other.tile_macs),
            levels=tuple(
                replace(own, gbytes=own.gbytes.better(each.gbytes))
                for own, each in zip(self.levels, other.levels, strict=True)
            ),
            barrier_ns=faster.barrier_ns,
            barrier_sure=faster.barrier_sure or slower.barrier_ns <= _NEAR * faster.barrier_ns,
            measured=self.measured + other.measured,
        )

    def rates(self, lanes: int) -> Rates:
        """Return what a core whose vectors have so many lanes does in a cycle, as rules see it."""
        ghz = self.ghz_wide
        multiplied = min(self.macs[REAL.name].one, self.tile_macs.one) / ghz / lanes
        # Pairs of s16 in two instructions, and as many additions, where it is not known.
        dots = self._words(S8, lanes) or multiplied / 4
        # Two multiply-adds.
        pairs = self._words(BF16, lanes) or multiplied / 2
        levels = tuple(
            Reached(
                level.bytes or inf,
                level.shared_by,
                level.gbytes.one / ghz,
                level.gbytes.all / self.threads / ghz,
            )
            for level in self.levels
        )
        products = {"multiplied": multiplied, "dots": dots, "pairs": pairs}
        return Rates(ghz=ghz, **products, levels=levels, barrier=self.barrier_ns * ghz)

    def _words(self, element: Element, lanes: int) -> float:
        """Return the vectors of words that a core multiplies in a cycle; 0 where it is not known."""
        macs = self.macs[element.name].one if element.name in self.macs else 0.0
        return macs / self.ghz_wide / lanes / element.interleave

    def document(self) -> dict[str, Any]:
        """Return the machine as JSON takes it."""
        return asdict(self)

    @staticmethod
    def of(document: Any) -> "Machine":
        """Return the machine that a document describes; raise DataError where it does not describe one."""
        machine = Reader(DataError, whole=True).read(Machine, document)
        rates = (*machine.macs.values(), machine.tile_macs, *(level.gbytes for level in machine.levels))
        figures = [
            machine.threads,
            machine.measured,
            machine.ghz,
            machine.ghz_wide,
            *(x for rate in rates for x in (rate.one, rate.all)),
        ]
        others = [machine.barrier_ns, *(size for level in machine.levels for size in (level.bytes, level.shared_by))]
        if not all(0 < figure < _MOST for figure in figures) or not all(0 <= other < _MOST for other in others):
            raise DataError("this does not describe a machine: a figure is out of range")
        if unknown := [name for name in machine.macs if name not in ELEMENTS]:
            raise DataError(f"this does not describe a machine: it multiplies {', '.join(unknown)}")
        return machine
