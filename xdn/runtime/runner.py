"""A net whose layers treat each image alone, ready to run: its programs, and the workers that run them."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from math import prod

import numpy as np

from xdn import memory, settings
from xdn.codegen.loader import process_loader
from xdn.errors import InputError
from xdn.graph import Array, Net, Shape
from xdn.kernels.core.layout import SCHEDULES, Schedule
from xdn.kernels.core.packing import PackedWeights, keeping
from xdn.kernels.move.images import PixelSource
from xdn.runtime.configuration import Configuration
from xdn.runtime.executor import Executor, Progress, Run
from xdn.runtime.needs import FEWER, run_needs
from xdn.runtime.plan import Plan, make_plan
from xdn.runtime.program import Program
from xdn.runtime.schedule_rule import ScheduleRule


class Runner:
    """Runs one net, by a program for each shape of images, choice of outputs and schedule; the latest used are kept.

    Safe to call from several threads.

    Parameters
    ----------
    net : Net
        With weights.
    executor : Executor
    configuration : Configuration
    timed : bool
        Each step is measured.
    """

    def __init__(self, net: Net, executor: Executor, configuration: Configuration, timed: bool = False):
        self.net = net
        self._executor, self._configuration, self._timed = executor, configuration, timed
        self._loader, self._rule = process_loader(), ScheduleRule(net, executor.threads)
        self._kept: OrderedDict[object, Program] = OrderedDict()
        #: What plans of other shapes and outputs need not pack again.
        self._packed = PackedWeights()
        self._lock = threading.Lock()
        #: Seconds spent on plans and kernels, and kernels that were compiled because no cache had them.
        self.compile_s, self.kernels_compiled = 0.0, 0
        #: What ran last, for the profile.
        self.latest: tuple[Plan, Run] | None = None

    def run(
        self,
        arrays: Mapping[str, Array],
        outputs: tuple[str, ...],
        progress: Progress | None = None,
        out: Mapping[str, Array] | None = None,
    ) -> dict[str, Array]:
        """Return name -> blob for a batch.

        Parameters
        ----------
        arrays : mapping
            Input -> contiguous f32 array, all of one batch.
        outputs : tuple of str
            Each once.
        progress : callable, optional
            Called with (chunks done, chunks in all).
        out : mapping, optional
            Output -> array that it is written to; others are made.
        """
        images = len(next(iter(arrays.values())))
        program = self.program({name: array.shape[1:] for name, array in arrays.items()}, outputs, images)
        return self._execute(program, list(arrays.values()), images, progress, out)

    def run_pixels(
        self, images: Array, shapes: Mapping[str, Shape], pixels: tuple[object, PixelSource], progress: Progress | None
    ) -> dict[str, Array]:
        """Return the outputs for u8 images (N, H, W, C) that `pixels`, a key and a source, makes the only input of."""
        program = self.program(shapes, self.net.outputs, len(images), pixels)
        return self._execute(program, [np.ascontiguousarray(images)], len(images), progress)

    def plan(self, shapes: Mapping[str, Shape] | None, images: int) -> Plan:
        """Return the plan for so many images of `shapes` (of one image, by name); default: that of the latest run."""
        if shapes is None and (latest := self.latest_plan()):
            return latest
        own = {name: blob.shape[1:] for name, blob in self.net.inputs.items()}
        return self.program(own | dict(shapes or {}), self.net.outputs, images).plan

    def latest_plan(self) -> Plan | None:
        """Return the plan that was used last, None where there is none yet."""
        kept = list(self._kept.values())
        return kept[-1].plan if kept else None

    def program(
        self,
        shapes: Mapping[str, Shape],
        outputs: tuple[str, ...],
        images: int,
        pixels: tuple[object, PixelSource] | None = None,
    ) -> Program:
        """Return the program for so many images, made now where none is kept.

        Parameters
        ----------
        shapes : mapping
            Input -> shape of one image.
        outputs : tuple of str
        images : int
        pixels : (object, PixelSource), optional
            A key that names the source, and the source.
        """
        asked = self._configuration.schedule
        with self._lock:
            schedule = SCHEDULES[asked] if asked else self._rule.schedule(shapes, images)
            key = (tuple(shapes.items()), outputs, schedule.name, pixels and pixels[0])
            if key not in self._kept:
                self._kept[key] = self._made(shapes, outputs, schedule, pixels and pixels[1])
                while len(self._kept) > settings.PLANS_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]

    def _made(
        self, shapes: Mapping[str, Shape], outputs: tuple[str, ...], schedule: Schedule, source: PixelSource | None
    ) -> Program:
        """Plan and compile."""
        before, compiled = time.perf_counter(), len(self._loader.stats.compiled)
        with keeping(self._packed):
            plan = make_plan(self.net, shapes, outputs, source, schedule, self._configuration)
        program = Program(plan, self._loader, self._timed)
        self.compile_s += time.perf_counter() - before
        self.kernels_compiled += len(self._loader.stats.compiled) - compiled
        return program

    def _require_memory(self, program: Program, images: int) -> None:
        """Raise MemoryLimitError where so many images take more than is allowed; asked once, not in each short run."""
        plan = program.plan
        sizes = {name: images * prod(shape) * plan.layouts[name].element.bytes for name, shape in plan.outputs.items()}
        workers = self._executor.workers(program, images)
        memory.require(run_needs(sizes, plan.arena.size, workers), f"running {images} images", FEWER)
        program.images_allowed = images

    def _execute(
        self,
        program: Program,
        given: list[Array],
        images: int,
        progress: Progress | None,
        out: Mapping[str, Array] | None = None,
    ) -> dict[str, Array]:
        if images > program.images_allowed:
            self._require_memory(program, images)
        elements = {name: program.plan.layouts[name].element for name in program.plan.outputs}
        results = {
            name: np.empty((images, *shape), elements[name].numpy) for name, shape in program.plan.outputs.items()
        }
        if out:
            results |= checked_out(out, results)
        if images:
            run = self._executor.run(program, [*given, *results.values()], images, progress)
            self.latest = program.plan, run
        return results


def checked_out(out: Mapping[str, Array], results: Mapping[str, Array]) -> dict[str, Array]:
    """Return the caller's arrays for outputs; raise InputError for one that cannot take its place among `results`."""
    for name, array in out.items():
        if name not in results:
            raise InputError(f"out names {name!r}, which is not asked for", mend=f"Asked for: {', '.join(results)}")
        wanted = results[name]
        fits = isinstance(array, np.ndarray) and (array.dtype, array.shape) == (wanted.dtype, wanted.shape)
        if not (fits and array.flags.c_contiguous and array.flags.writeable and array.flags.aligned):
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            mend = f"Give a contiguous, writeable float32 array of the shape {wanted.shape}"
            raise InputError(f"out[{name!r}] is {found}", mend=mend)
    return dict(out)
