"""Memory of which every piece borders on a page that nobody may touch, and runs of programs in it.

`main` runs every case in a forked child of its own and writes what became of each as JSON, so that an access outside a
piece is the end of that child alone.
"""

import ctypes
import json
import mmap
import os
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from tests.conftest import ROOT
from tests.kernels.checks import BATCH, FULL_MATRIX, LAYER_CASES, B, Case, feed_for, one_layer_net
from tests.kernels.integers import integer_nets, random_feed
from tests.runtime.cpu.test_executor import residual_net
from xdn import frontend
from xdn.codegen.loader import process_loader
from xdn.codegen.target import host_target
from xdn.data.pixels import PixelTransform
from xdn.element import F32
from xdn.graph import Net
from xdn.kernels.core.choice import FMA, Choice
from xdn.kernels.core.family import Step
from xdn.kernels.core.layout import SCHEDULES
from xdn.kernels.move.images import PixelSource
from xdn.optimize import POST_FUSION, apply_stages, stage_names
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu import plan as plan_module
from xdn.runtime.cpu.arena import Arena, Interval
from xdn.runtime.cpu.plan import Plan, make_plan
from xdn.runtime.cpu.program import Program
from xdn.runtime.session import Session

PAGE = mmap.PAGESIZE
#: NaN as f32, -1 as int64: what nobody has written changes every result.
POISON = 0xFF
#: PROT_NONE; Python's mmap module does not name it.
NO_ACCESS = 0
#: Where the forbidden page lies: right after the end of each piece, or right before its start.
SIDES = ("end", "start")
#: What kernels touch.
KINDS = ("buffers", "tables", "inputs", "outputs")

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Pieces(Arena):
    """An arena whose buffers do not share pages; between them, before and after them lie forbidden pages.

    Parameters
    ----------
    forbidden : tuple of int
        Offsets of these pages.
    """

    forbidden: tuple[int, ...] = ()

    @staticmethod
    def of(sizes: Mapping[str, int], side: str) -> "Pieces":
        """Return the places of pieces of `sizes` bytes: each touches the forbidden page at its `side`."""
        offsets, forbidden, at = {}, [0], PAGE
        for name, size in sizes.items():
            end = at + max(1, -(-size // PAGE)) * PAGE
            offsets[name] = end - size if side == "end" else at
            forbidden.append(end)
            at = end + PAGE
        return Pieces(offsets, at, at, tuple(forbidden))

    def memory(self) -> np.ndarray:
        """Return poisoned bytes with the forbidden pages in their places."""
        memory = np.frombuffer(mmap.mmap(-1, self.size), np.uint8)
        memory[:] = POISON
        for page in self.forbidden:
            _protect(memory[page : page + PAGE], NO_ACCESS)
        return memory


def _protect(pages: np.ndarray, access: int) -> None:
    if _libc.mprotect(ctypes.c_void_p(pages.ctypes.data), ctypes.c_size_t(pages.nbytes), access):
        raise OSError(ctypes.get_errno(), "mprotect")


def guarded(shape: tuple[int, ...], dtype: np.dtype, side: str) -> np.ndarray:
    """Return a poisoned array in pages of its own."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    pieces = Pieces.of({"": size}, side)
    start = pieces.offsets[""]
    return pieces.memory()[start : start + size].view(dtype).reshape(shape)


def read_only(array: np.ndarray, side: str) -> np.ndarray:
    """Return a guarded copy that nobody may write."""
    copy = guarded(array.shape, array.dtype, side)
    copy[...] = array
    first = copy.ctypes.data // PAGE * PAGE
    end = -(-(copy.ctypes.data + copy.nbytes) // PAGE) * PAGE
    if end > first:
        pages = (ctypes.c_uint8 * (end - first)).from_address(first)
        _protect(np.frombuffer(pages, np.uint8), mmap.PROT_READ)
    return copy


def _towards(side: str, size: int) -> int:
    """Return the bytes by which a piece must move so that its outermost `size` bytes lie in the forbidden page."""
    return size if side == "end" else -size


def guarded_step(step: Step, side: str, moved: bool) -> Step:
    """Return the step with its packed weights and tables in guarded, read-only memory."""
    words, kept = step.words.copy(), []
    for array in step.keep:
        guarded = read_only(array, side)
        places = step.words == array.ctypes.data
        assert places.any() or not array.size, f"{step.source.name}: no word holds the address of a kept array"
        words[places] = guarded.ctypes.data + moved * _towards(side, array.itemsize)
        kept.append(guarded)
    descriptor = copy(step.descriptor)
    descriptor.words, descriptor.keep = words, tuple(kept)
    return replace(step, descriptor=descriptor)


@dataclass(frozen=True)
class Guarded:
    """A net that runs in guarded memory, and what it takes.

    Parameters
    ----------
    net : Net
        With weights.
    feed : mapping
        Input -> images.
    transform : PixelTransform, optional
        The only input is pixels.
    schedule : str
        In which it runs.
    choices : mapping
        Layer -> how it is computed, where the rule does not decide.
    precision : str
        Of the run; by default one in which both schedules, and all processors, have the same results.
    """

    net: Net
    feed: Mapping[str, np.ndarray]
    transform: PixelTransform | None = None
    schedule: str = "batch"
    choices: Mapping[str, Choice] = field(default_factory=dict)
    precision: str = FMA

    def expected(self, outputs: Sequence[str]) -> list[np.ndarray]:
        """Return the outputs as a session gives them in memory of any kind."""
        configuration = Configuration(threads=1, precision=self.precision)
        if self.choices:
            configuration = replace(configuration, schedule=self.schedule, choices={self.schedule: self.choices})
        session = Session(self.net, configuration=configuration)
        if self.transform is None:
            return session.run(outputs, self.feed)
        return session.run_pixels(next(iter(self.feed.values())), self.transform)

    def plan(self, outputs: Sequence[str], chunk_blocks: int, side: str, moved: str = "") -> Plan:
        """Return the plan with every buffer, weight and table in guarded memory.

        Parameters
        ----------
        outputs : sequence of str
        chunk_blocks : int
        side : str
            One of `SIDES`.
        moved : str
            One of `KINDS`, which then lies partly in the forbidden pages; what touches all of it must crash.
        """
        (blob, images), *_ = self.feed.items()
        shapes, pixels = {name: x.shape[1:] for name, x in self.feed.items()}, None
        if self.transform is not None:
            top, left, height, width = self.transform.crop
            shapes = {blob: (images.shape[3], height, width)}
            sizes = images.shape[1], images.shape[2], (top, left)
            pixels = PixelSource(*sizes, self.transform.mean, self.transform.factor)

        def place(intervals: Sequence[Interval], shared: bool) -> Arena:
            pieces = Pieces.of({interval.name: interval.size for interval in intervals}, side)
            lanes = (moved == "buffers") * _towards(side, B * F32.bytes)
            return replace(pieces, offsets={name: offset + lanes for name, offset in pieces.offsets.items()})

        with mock.patch.object(plan_module, "place", place):
            choices = {self.schedule: self.choices}
            configuration = Configuration(chunk_blocks=chunk_blocks, precision=self.precision, choices=choices)
            plan = make_plan(self.net, shapes, tuple(outputs), pixels, SCHEDULES[self.schedule], configuration)
        return replace(plan, steps=tuple(guarded_step(step, side, moved == "tables") for step in plan.steps))

    def load_kernels(self, outputs: Sequence[str], chunk_blocks: int) -> None:
        """Make all kernels ready, so that forked children find them."""
        Program(self.plan(outputs, chunk_blocks, SIDES[0]), process_loader())

    def run(self, outputs: Sequence[str], chunk_blocks: int, side: str, moved: str = "") -> list[np.ndarray]:
        """Return the outputs that a program computed in guarded memory; parameters as those of `plan`."""
        plan = self.plan(outputs, chunk_blocks, side, moved)
        program = Program(plan, process_loader())
        arena = plan.arena.memory()
        inputs = [read_only(x, side) for x in self.feed.values()]
        batch = len(inputs[0])
        kinds = [(shape, plan.blobs[name].element.numpy) for name, shape in plan.outputs.items()]
        results = [guarded((batch, *shape), dtype, side) for shape, dtype in kinds]
        given = {"inputs": inputs, "outputs": results}
        if moved in given:
            given[moved] = [_moved(array, side) for array in given[moved]]
        program.work(program.control(batch, chunk_blocks), arena, [*given["inputs"], *given["outputs"]])
        return results


def _moved(array: np.ndarray, side: str) -> np.ndarray:
    address = array.ctypes.data + _towards(side, array.itemsize)
    return np.frombuffer((ctypes.c_uint8 * array.nbytes).from_address(address), array.dtype).reshape(array.shape)


def _pixels() -> Guarded:
    """Return a crop at the last row and column of images of odd size."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (BATCH, 5, 7, 3), np.uint8)
    mean = rng.uniform(0, 255, (3, 3, 4)).astype(np.float32)
    transform = PixelTransform(mean, np.array([0.5, 1, 2], np.float32), (2, 3, 3, 4))
    return Guarded(one_layer_net("Scale", (3, 3, 4)), {"x0": images}, transform)


def _integer_pixels() -> Guarded:
    """Return a crop that is read as integers, in tiles that end at the last row and column."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (BATCH, 5, 40, 3), np.uint8)
    transform = PixelTransform(np.zeros((3, 1, 1), np.float32), np.full(3, 0.01, np.float32), (2, 3, 3, 37))
    return Guarded(one_layer_net("Quantize", (3, 3, 37), scale=0.01), {"x0": images}, transform)


def _integers(net: Net) -> Guarded:
    return Guarded(net, random_feed(net, np.random.default_rng(1)))


def _shipped(name: str, height: int, width: int) -> Guarded:
    """Return a shipped net, fused, for images of another size than its own."""
    net = frontend.load(ROOT / "prototxt" / name / "deploy.prototxt", random_weights=True)
    (blob,) = net.inputs
    net = apply_stages(net, stage_names(POST_FUSION)).reshape({blob: (1, 3, height, width)})
    return Guarded(net, feed_for(net, BATCH))


def _block() -> Guarded:
    net = residual_net()
    return Guarded(net, feed_for(net, BATCH))


def _layer(case: Case) -> Guarded:
    net = case.net()
    return Guarded(net, feed_for(net, BATCH))


def guarded_cases() -> dict[str, Callable[[], Guarded]]:
    """Return name -> what makes it, for every layer case and some whole nets."""
    cases = {f"{i}-{case.id}": partial(_layer, case) for i, case in enumerate(LAYER_CASES)}
    sizes = {"resnet20": (13, 11), "squeezenet_v1.1": (47, 43)}
    if FULL_MATRIX:
        sizes |= {"mobilenet_v2": (33, 35), "resnet50_32": (32, 32)}
    shipped = {name: partial(_shipped, name, *size) for name, size in sizes.items()}
    cases |= {f"integers{i}": partial(_integers, net) for i, net in enumerate(integer_nets())}
    return cases | {"residual_block": _block, "pixels": _pixels, "integer_pixels": _integer_pixels} | shipped


@dataclass(frozen=True)
class Run:
    """A case with the outputs that are kept, and how many blocks of images make a chunk."""

    case: Guarded
    outputs: tuple[str, ...]
    chunk_blocks: int

    def __str__(self) -> str:
        return f"{self.case.schedule} schedule, outputs {self.outputs}, {self.chunk_blocks} blocks a chunk"


def have_the_bits_of_sessions(found: Sequence[tuple[Run, list[np.ndarray]]]) -> bool:
    """Return whether runs' results are those of sessions, which have no schedule of their own without choices."""
    expected: dict[tuple[Any, ...], list[np.ndarray]] = {}
    for run, results in found:
        key = run.outputs, run.case.schedule if run.case.choices else None
        if key not in expected:
            expected[key] = run.case.expected(run.outputs)
        if not all(map(np.array_equal, results, expected[key])):
            return False
    return True


def runs_of(case: Guarded) -> list[Run]:
    """Return the runs in both schedules: in place where that is allowed, and with all inputs kept to the end."""
    own = tuple(case.net.outputs)
    kept = own if case.transform else (*own, *case.net.inputs)
    cases = [replace(case, schedule=schedule) for schedule in SCHEDULES]
    return [Run(each, outputs, blocks) for each in cases for outputs, blocks in ((own, 2), (kept, 1))]


def outcome(runs: Sequence[Run], sides: Sequence[str], moved: str = "") -> str:
    """Return what became of runs, one after the other in a child: "right", "wrong", or the signal that ended it.

    Right are the bits of sessions' runs in memory of any kind, which come last: they may overwrite anything.
    """
    for run in runs:
        run.case.load_kernels(run.outputs, run.chunk_blocks)
    child = os.fork()
    if child == 0:
        code = 2
        try:
            found = [(run, run.case.run(run.outputs, run.chunk_blocks, side, moved)) for run in runs for side in sides]
            code = 0 if have_the_bits_of_sessions(found) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return {0: "right", 1: "wrong"}.get(os.WEXITSTATUS(status), "error")


def controls() -> dict[str, str]:
    """Return "kind/side" -> what became of a run in which that kind of memory lies partly in forbidden pages."""
    net = one_layer_net("Convolution", (3, 7, 5), num_output=15, kernel_size=3, pad=1)
    runs = [Run(Guarded(net, feed_for(net, 2 * B)), net.outputs, 1)]
    return {f"{kind}/{side}": outcome(runs, [side], kind) for kind in KINDS for side in SIDES}


def first_failure(runs: Sequence[Run]) -> str:
    """Return what became of the first run that is not right in a child of its own, and which it was."""
    for run, side in product(runs, SIDES):
        became = outcome([run], [side])
        if became != "right":
            return f"{became} ({run}, pages at the {side})"
    return "each run is right alone, but not after the others"


def outcomes() -> dict[str, str]:
    """Return case -> what became of all its runs, on both sides of pages."""
    found = {}
    for name, make in guarded_cases().items():
        runs = runs_of(make())
        became = outcome(runs, SIDES)
        found[name] = became if became == "right" else first_failure(runs)
    return found


def main(path: str) -> None:
    """Write what became of all cases and controls, and the instruction set's name."""
    found = {"isa": host_target().name, "cases": outcomes(), "controls": controls()}
    Path(path).write_text(json.dumps(found))
