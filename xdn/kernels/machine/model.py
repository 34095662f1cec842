"""A machine as rules see it: what its arithmetic, its caches, its memory and its barriers give.

Figures are measured (`xdn/runtime/machine.py`), so that rules hold on processors that nobody has fitted them to.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any

from xdn.element import ELEMENTS
from xdn.errors import DataError

#: Figures of a kept machine lie between these.
_LEAST, _MOST = 1e-6, 1e13
#: Caches that a kept machine has at most.
_MOST_LEVELS = 8


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

    def document(self) -> dict[str, Any]:
        """Return the machine as JSON takes it."""
        return asdict(self)

    @staticmethod
    def of(document: Any) -> "Machine":
        """Return the machine that a document describes; raise DataError where it does not describe one."""
        try:
            told = {field.name: document[field.name] for field in fields(Machine)}
            levels = told["levels"][:_MOST_LEVELS]
            return Machine(
                **told
                | {
                    "processor": str(told["processor"]),
                    "instruction_set": str(told["instruction_set"]),
                    "threads": int(_number(told["threads"])),
                    "ghz": _number(told["ghz"]),
                    "ghz_wide": _number(told["ghz_wide"]),
                    "macs": {name: _rate(rate) for name, rate in told["macs"].items() if name in ELEMENTS},
                    "tile_macs": _rate(told["tile_macs"]),
                    "levels": tuple(_level(level) for level in levels),
                    "barrier_ns": _number(told["barrier_ns"], least=0),
                }
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(f"this does not describe a machine ({type(error).__name__}: {error})") from None


def _number(value: Any, least: float = _LEAST) -> float:
    number = float(value)
    if not (isfinite(number) and least <= number <= _MOST):
        raise ValueError(f"{number:g} is not between {least:g} and {_MOST:g}")
    return number


def _rate(document: Any) -> Rate:
    return Rate(_number(document["one"]), _number(document["all"]), bool(document["sure"]))


def _level(document: Any) -> Level:
    size, shared_by = (int(_number(document[name], least=0)) for name in ("bytes", "shared_by"))
    return Level(str(document["name"]), size, shared_by, _rate(document["gbytes"]))
