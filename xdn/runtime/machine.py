"""The machine that this process runs on, measured once and kept: see `xdn/kernels/machine/model.py`."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from xdn import settings
from xdn.codegen.cache import generator_digest
from xdn.codegen.listening import tell
from xdn.codegen.loader import process_loader
from xdn.codegen.native import address
from xdn.codegen.source import KernelSource
from xdn.codegen.target import NATIVE, Target, cpu_name, host_target
from xdn.cpus import available_cpus, caches
from xdn.element import BF16, REAL, S8, U8, Element, real
from xdn.errors import DataError, ParseError
from xdn.files import read_json, write_json
from xdn.graph import Array
from xdn.kernels.core.barrier import Barrier
from xdn.kernels.core.frame import Frame
from xdn.kernels.machine import bandwidth, dots, frequency, meeting, peak
from xdn.kernels.machine.model import Level, Machine, Rate
from xdn.runtime.cpu.threads.helpers import waiting_looks, yield_address
from xdn.runtime.peak import probe_of, read_gbytes
from xdn.runtime.rounds import best_ns

log = logging.getLogger(__name__)

#: Steps of a round of arithmetic, and bytes that are read in one of a cache: less than a millisecond each, a small part
#: of the slice of time that a system gives a thread.
_STEPS, _READ_BYTES = 1 << 16, 8 << 20
#: Rounds of a probe at most, and of one that reads memory.
_ROUNDS, _MEMORY_ROUNDS = 25, 16
#: How often threads meet in a round: so seldom that some rounds of many fall between two slices of another program.
_MEETINGS = 200
#: How often a machine is measured, at one start each, until all its figures are sure.
_MOST_MEASUREMENTS = 5
#: Whether the frequency is that beside wide vectors.
_WIDTHS = (False, True)
#: The largest file that describes a machine.
_MOST_BYTES = 1 << 16

#: The machine that rules choose for where another process has said it.
_followed: list[Machine] = []


@cache
def this_machine() -> Machine:
    """Return the machine, measured now where the cache folder has none of this processor, these cores and sources.

    One whose figures are not sure, since other programs ran, is measured again at a later start.

    Raises
    ------
    DataError, ParseError
        Where `XDN_MACHINE` names a file that does not describe a machine.
    """
    if _followed:
        return _followed[-1]
    if asked := settings.asked_machine():
        return Machine.of(read_json(asked, _MOST_BYTES))
    path = kept_at()
    try:
        found = Machine.of(read_json(path, _MOST_BYTES))
    except (DataError, ParseError) as error:
        if path.exists():
            log.warning("%s: measured anew: %s", path, error)
        return measured_machine()
    return found if found.sure or found.measured >= _MOST_MEASUREMENTS else measured_machine(found)


def follow(machine: Machine) -> None:
    """Let rules choose for a machine that another process measured, of the same kind as this one."""
    _followed[:] = [machine]
    this_machine.cache_clear()
    this_target.cache_clear()


@cache
def this_target() -> Target:
    """Return this processor with the rates that were measured; rules choose by these."""
    target = host_target()
    return replace(target, rates=this_machine().rates(target.lanes))


def measured_machine(before: Machine | None = None) -> Machine:
    """Measure the machine, keep what was found, and return it: by the best figures of now and of `before`."""
    machine = _measured(available_cpus())
    if before and before.comparable(machine):
        machine = before.better(machine)
    path = kept_at()
    try:
        write_json(path, machine.document())
    except OSError as error:
        log.warning("the measured machine is not kept: %s", error)
    return machine


def kept_at() -> Path:
    """Return the file that this machine is kept in; another processor, number of cores or version has another one."""
    # The digest stands for processor, features, instruction set and sources.
    return settings.cache_dir() / "machines" / f"{generator_digest()}-{available_cpus()}.json"


def _measured(threads: int) -> Machine:
    target = host_target()
    tile = _Arithmetic(
        peak.tile_loop(target), peak.tile_operands(target), peak.tile_step_macs(target), peak.TILE_CHANNELS
    )
    macs = _multipliers(target)
    others = [bandwidth.reading(target), meeting.meetings(target), *(frequency.additions(target, w) for w in _WIDTHS)]
    process_loader().prepare([tile.source, *(each.source for each in macs.values()), *others])
    ghz, ghz_wide = (_ghz(target, wide) for wide in _WIDTHS)
    figures = _told(
        {f"{name} products": partial(each.rate, threads) for name, each in macs.items()}
        | {"tile": partial(tile.rate, threads)}
        | {place.name: partial(place.level, threads) for place in _places(threads)}
        | {"barrier": partial(_barrier_ns, target, threads)}
    )
    rates, tile_rate = {name: next(figures) for name in macs}, next(figures)
    *levels, barrier = figures
    return Machine(cpu_name(), target.name, threads, ghz, ghz_wide, rates, tile_rate, tuple(levels), *barrier)


def _told(measurements: Mapping[str, Callable[[], Any]]) -> Iterator[Any]:
    """Yield what each measurement gives; who listens is told which one runs."""
    for done, (name, measure) in enumerate(measurements.items()):
        tell(f"measure {name}", done, len(measurements))
        yield measure()
    tell("", len(measurements), len(measurements))


@dataclass(frozen=True)
class _Arithmetic:
    """A loop of multiply-adds: its kernel, operands, multiply-adds of a step, and steps after which operands repeat."""

    source: KernelSource
    operands: Array
    step_macs: int
    around: int = 1

    def rate(self, threads: int) -> Rate:
        """Return the multiply-adds of one thread, and of all."""

        def of(count: int) -> tuple[float, bool]:
            each = [probe_of(self.operands, _STEPS, self.around) for _ in range(count)]
            ns, sure = best_ns(self.source, each, _ROUNDS)
            return count * _STEPS * self.step_macs / ns, sure

        return _rate(of, threads)


def _multipliers(target: Target) -> dict[str, _Arithmetic]:
    """Return the name of each element that the processor multiplies -> the loop that shows how fast."""
    found = {REAL.name: _Arithmetic(peak.peak(target), peak.chain_operands(target), peak.step_flops(target) // 2)}
    if target.pairs == NATIVE:
        found[BF16.name] = _words(target, BF16)
    return found | {S8.name: _words(target, U8)}


def _words(target: Target, x: Element) -> _Arithmetic:
    """Return the loop that multiplies words of an element."""
    operands, step_macs = dots.word_operands(target, x), dots.word_macs(target, x)
    return _Arithmetic(dots.words(target, x), operands, step_macs, dots.TILE_WORDS)


def _ghz(target: Target, wide: bool) -> float:
    """Return the cycles of a nanosecond; `wide`: while the core multiplies vectors."""
    operands = np.full(1, 0.5, real)
    ns, _ = best_ns(frequency.additions(target, wide), [probe_of(operands, _STEPS)], _ROUNDS)
    return _STEPS * frequency.CHAIN / ns


@dataclass(frozen=True)
class _Place:
    """A cache, or the memory, and how large an array of each thread lies there, which is read in so many rounds."""

    name: str
    bytes: int
    shared_by: int
    array_bytes: int
    rounds: int

    def level(self, threads: int) -> Level:
        """Return it with the 10**9 bytes a second that threads read from an array each, again and again."""

        def of(count: int) -> tuple[float, bool]:
            return read_gbytes(self.array_bytes, count, max(1, _READ_BYTES // self.array_bytes), self.rounds)

        return Level(self.name, self.bytes, self.shared_by, _rate(of, threads))


def _places(threads: int) -> Iterator[_Place]:
    """Yield the caches and the memory."""
    before = 0
    for cache_ in caches():
        # An array that is half of what a thread has of it, and that the level before does not hold.
        array_bytes = cache_.bytes // 2 // min(cache_.shared_by, threads)
        if array_bytes >= 2 * before:
            yield _Place(f"L{cache_.level}", cache_.bytes, cache_.shared_by, array_bytes, _ROUNDS)
        before = cache_.bytes
    yield _Place("memory", 0, threads, settings.BANDWIDTH_BYTES // threads, _MEMORY_ROUNDS)


def _barrier_ns(target: Target, threads: int) -> tuple[float, bool]:
    """Return the nanoseconds in which all threads meet, and whether these are sure."""
    if threads == 1:
        return 0.0, True
    barrier = Barrier(give_way=yield_address(), looks=waiting_looks(threads))
    frames = [Frame(member=member, members=threads, barrier=address(barrier.words)).words for member in range(threads)]
    each = [meeting.Meetings(count=_MEETINGS) for _ in range(threads)]
    ns, sure = best_ns(meeting.meetings(target), each, _ROUNDS, frames)
    return ns / _MEETINGS, sure


def _rate(of: Callable[[int], tuple[float, bool]], threads: int) -> Rate:
    """Return the rate of one thread and of all, each with whether it is sure."""
    one, sure_of_one = of(1)
    together, sure_of_all = of(threads) if threads > 1 else (one, sure_of_one)
    return Rate(one, together, sure_of_one and sure_of_all)
