"""A net whose layers treat each image alone, ready to run: its programs, and the backend that runs them."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xdn import memory, settings
from xdn.errors import InputError, UnsupportedError
from xdn.graph import Array, Feed, Net, Shape
from xdn.runtime.backend import Backend, Program, Progress, Request
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import Plan
from xdn.runtime.needs import FEWER, run_needs
from xdn.runtime.taken import Taken


@dataclass(eq=False)
class _Kept:
    """A program, and of how many images at most it is known that memory is there."""

    program: Program
    images_allowed: int = -1


class Runner:
    """Runs one net, by a program for each shape of images, choice of outputs and variant; the latest used are kept.

    Safe to call from several threads.

    Parameters
    ----------
    net : Net
        With weights, of layers that the backend takes.
    backend : Backend
    configuration : Configuration
    """

    def __init__(self, net: Net, backend: Backend[Any], configuration: Configuration):
        self.net = net
        self._backend, self._configuration = backend, configuration
        self._kept: OrderedDict[object, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        #: Seconds spent on programs.
        self.compile_s = 0.0
        #: What the latest run took, for the profile; None of a program without a plan.
        self.latest: Taken | None = None

    def run(
        self, arrays: Feed, outputs: tuple[str, ...], progress: Progress | None = None, out: Feed | None = None
    ) -> dict[str, Array]:
        """Return name -> blob for a batch.

        Parameters
        ----------
        arrays : mapping
            Input -> contiguous array, all of one batch.
        outputs : tuple of str
            Each once.
        progress : callable, optional
            Called with (chunks done, chunks in all).
        out : mapping, optional
            Output -> array that it is written to; others are made.
        """
        images = len(next(iter(arrays.values())))
        request = Request({name: array.shape[1:] for name, array in arrays.items()}, outputs, images)
        return self.execute(request, list(arrays.values()), progress, out)

    def plan(self, shapes: Mapping[str, Shape] | None, images: int) -> Plan:
        """Return the plan for so many images of `shapes` (of one image, by name); default: that of the latest run.

        Raises
        ------
        UnsupportedError
            Where the backend makes no plans.
        """
        if shapes is None and (latest := self.latest_plan()):
            return latest
        own = {name: blob.shape[1:] for name, blob in self.net.inputs.items()}
        plan = self.program(Request(own | dict(shapes or {}), self.net.outputs, images)).plan
        if plan is None:
            raise UnsupportedError("the backend of this session makes no plans")
        return plan

    def latest_plan(self) -> Plan | None:
        """Return the plan that was used last, None where there is none."""
        kept = list(self._kept.values())
        return kept[-1].program.plan if kept else None

    def program(self, request: Request) -> Program:
        """Return the program for a request, made now where none is kept."""
        return self._ready(request).program

    def _ready(self, request: Request) -> _Kept:
        with self._lock:
            variant = self._backend.variant(self.net, request, self._configuration)
            key = (tuple(request.shapes.items()), request.outputs, variant, request.pixels and request.pixels[0])
            kept = self._kept.get(key)
            if kept is None:
                before = time.perf_counter()
                kept = self._kept[key] = _Kept(self._backend.compile(self.net, request, self._configuration))
                self.compile_s += time.perf_counter() - before
                while len(self._kept) > settings.PLANS_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return kept

    def execute(
        self, request: Request, given: list[Array], progress: Progress | None = None, out: Feed | None = None
    ) -> dict[str, Array]:
        """Return name -> blob for a request; `given` are the contiguous arrays of its inputs, or of its images."""
        kept, images = self._ready(request), request.images
        program = kept.program
        if images > kept.images_allowed:
            # Asked once, not in each short run.
            needs = run_needs(program.outputs, images, self._backend.needs(program, images))
            memory.require(needs, f"running {images} images", FEWER)
            kept.images_allowed = images
        results = {
            name: np.empty((images, *blob.shape[1:]), blob.element.numpy) for name, blob in program.outputs.items()
        }
        if out:
            results |= checked_out(out, results)
        if images:
            run = self._backend.run(program, [*given, *results.values()], images, progress)
            plan = program.plan
            self.latest = None if plan is None else Taken(images, run.seconds, ((plan, run),))
        return results


def checked_out(out: Feed, results: Feed) -> dict[str, Array]:
    """Return the caller's arrays for outputs; raise InputError for one that cannot take its place among `results`."""
    for name, array in out.items():
        if name not in results:
            raise InputError(f"out names {name!r}, which is not asked for", mend=f"Asked for: {', '.join(results)}")
        wanted = results[name]
        fits = isinstance(array, np.ndarray) and (array.dtype, array.shape) == (wanted.dtype, wanted.shape)
        if not (fits and array.flags.c_contiguous and array.flags.writeable and array.flags.aligned):
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            mend = f"Give a contiguous, writeable {wanted.dtype} array of the shape {wanted.shape}"
            raise InputError(f"out[{name!r}] is {found}", mend=mend)
    return dict(out)
