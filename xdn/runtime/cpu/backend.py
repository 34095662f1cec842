"""The processor as a backend: plans become machine code, which threads of this process run."""

import threading
from collections.abc import Mapping

from xdn.codegen.loader import process_loader
from xdn.codegen.target import host_target
from xdn.errors import UnsupportedError
from xdn.graph import Array, Blob, Layer, Net
from xdn.kernels.core.descriptor import Descriptor
from xdn.kernels.core.family import Lowering, select
from xdn.kernels.core.layout import SCHEDULES, Schedule
from xdn.kernels.core.packing import PackedWeights, keeping
from xdn.memory import Need
from xdn.runtime.backend import BACKENDS, Progress, Request, Run
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.executor import Executor
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.cpu.program import Program
from xdn.runtime.cpu.schedule_rule import ScheduleRule
from xdn.runtime.machine import this_target


@BACKENDS.register("cpu")
class Cpu:
    """Machine code for this processor, compiled by Numba and LLVM."""

    #: Kernels convert them at the head of each chunk.
    reads_pixels = True

    def __init__(self, threads: int, members: int | None = None, timed: bool = False):
        self.threads, self.kernels_compiled = threads, 0
        self._executor, self._loader, self._timed = Executor(threads, members), process_loader(), timed
        #: What plans of other shapes and outputs need not pack again.
        self._packed = PackedWeights()
        self._rules: dict[Net, ScheduleRule] = {}
        self._lock = threading.Lock()

    @staticmethod
    def takes(layer: Layer, blobs: Mapping[str, Blob]) -> bool:
        """Return whether a family of kernels computes the layer, in both schedules."""
        bottoms, tops, added = (
            [blobs[name] for name in names] for names in (layer.own_bottoms, layer.tops, layer.added_bottoms)
        )
        try:
            for schedule in SCHEDULES.values():
                select(Lowering(layer, bottoms, tops, host_target(), added, schedule=schedule))
        except UnsupportedError:
            return False
        return True

    def variant(self, net: Net, request: Request, configuration: Configuration) -> Schedule:
        """Return the schedule: the one that is asked for, else the one that should be faster."""
        if configuration.schedule:
            return SCHEDULES[configuration.schedule]
        if net not in self._rules:
            self._rules[net] = ScheduleRule(net, self.threads, this_target(), configuration)
        return self._rules[net].schedule(request.shapes, request.images)

    def compile(self, net: Net, request: Request, configuration: Configuration) -> Program:
        """Plan the net, and compile the kernels of the plan that no cache has."""
        schedule, source = self.variant(net, request, configuration), request.pixels and request.pixels[1]
        with self._lock:
            compiled = len(self._loader.stats.compiled)
            with keeping(self._packed):
                plan = make_plan(net, request.shapes, request.outputs, source, schedule, configuration, this_target())
            program = Program(plan, self._loader, self._timed)
            self.kernels_compiled += len(self._loader.stats.compiled) - compiled
        return program

    def needs(self, program: Program, images: int) -> list[Need]:
        """Return the arenas of all workers that a run has at most."""
        workers = self._executor.workers(program, images)
        return [Need(f"blobs of {workers} threads", workers * program.plan.arena.size)]

    def run(self, program: Program, arrays: list[Array], images: int, progress: Progress | None = None) -> Run:
        """Run the program over all images, in chunks that the threads share."""
        return self._executor.run(program, arrays, images, progress)

    def work(self, kernel: int, descriptor: Descriptor) -> None:
        """Run a kernel of a whole layer in all threads, where that is faster than in the caller's."""
        self._executor.work(kernel, descriptor)

    def close(self) -> None:
        """End the threads and give the arenas back."""
        self._executor.close()
