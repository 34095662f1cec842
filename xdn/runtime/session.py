"""`Session`: a net ready to run, in the manner of ONNX Runtime and of pycaffe."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xdn import settings
from xdn.codegen.loader import KernelLoader, process_loader
from xdn.data.pixels import PixelTransform
from xdn.errors import InputError, SettingError, UnknownNameError, UnsupportedError
from xdn.graph.blob import Blob, Shape
from xdn.graph.layer import Array
from xdn.graph.net import Net
from xdn.kernels.images import PixelSource
from xdn.kernels.layout import BATCH, CHANNEL, SCHEDULES, Schedule
from xdn.runtime.clock import TickClock
from xdn.runtime.executor import Executor, Progress, Run
from xdn.runtime.peak import measured_peak
from xdn.runtime.plan import Plan, make_plan
from xdn.runtime.profile import Profile
from xdn.runtime.program import Program
from xdn.runtime.threads import checked_threads


@dataclass(frozen=True)
class Argument:
    """An input or output: name, dtype, and shape with the free batch as ``"N"``."""

    name: str
    shape: tuple[int | str, ...]
    type: str = "float32"


class Session:
    """Run a net with machine code made for it; safe to call from several threads.

    Parameters
    ----------
    net : Net
        With weights. The session runs it as it is; `xdn.Session` fuses it first.
    threads : int, optional
        Worker threads; default: what affinity, cgroup quota and OMP_NUM_THREADS allow.
    chunk_blocks : int, optional
        Blocks of images that a worker takes at a time.
    profile : bool
        Measure each layer of every run, for `profile`.
    winograd : bool
        Compute 3x3 convolutions with fewer multiplications where that is faster; their rounding errors are larger.
    schedule : str, optional
        ``"batch"``: vectors of images, for many at a time; ``"channel"``: vectors of channels, for few; None: whichever
        should be faster for the images of a call. Both give the same results, bit for bit.

    Raises
    ------
    WeightsError
        Where a layer has no weights.
    UnsupportedError
        Where no kernel executes a layer.
    UnknownNameError
        For another schedule.
    """

    def __init__(
        self,
        net: Net,
        *,
        threads: int | None = None,
        chunk_blocks: int | None = None,
        profile: bool = False,
        winograd: bool = True,
        schedule: str | None = None,
    ):
        net.require_weights()
        self.net = net
        #: Seconds spent on plans and kernels, and kernels that were compiled because no cache had them.
        self.compile_s, self.kernels_compiled = 0.0, 0
        self._chunk_blocks = chunk_blocks
        #: Whether 3x3 convolutions may take fewer multiplications.
        self.winograd = winograd
        if schedule is not None and schedule not in SCHEDULES:
            raise UnknownNameError(f"unknown schedule {schedule!r}", mend=f"Known: {', '.join(SCHEDULES)}")
        self._schedule = schedule and SCHEDULES[schedule]
        # Whether each layer has a kernel of the channel schedule: not known before the first plan.
        self._has_channel_kernels = True
        self._executor = Executor(checked_threads(threads))
        self._programs: OrderedDict[object, Program] = OrderedDict()
        self._programs_lock = threading.Lock()
        self._loader: KernelLoader = process_loader()
        self._clock = TickClock(self._loader) if profile else None
        self._latest: tuple[Plan, Run] | None = None

    @property
    def threads(self) -> int:
        """Worker threads at most."""
        return self._executor.threads

    def get_inputs(self) -> list[Argument]:
        """Return name, shape and dtype of the inputs; the batch is free."""
        return [Argument(name, ("N", *blob.shape[1:])) for name, blob in self.net.inputs.items()]

    def get_outputs(self) -> list[Argument]:
        """Return name, shape and dtype of the outputs; the batch is free."""
        return [Argument(name, ("N", *self.net.blobs[name].shape[1:])) for name in self.net.outputs]

    def run(
        self, output_names: Sequence[str] | None, feed: Mapping[str, Array], progress: Progress | None = None
    ) -> list[Array]:
        """Compute blobs for a batch.

        Parameters
        ----------
        output_names : sequence of str or None
            Any blobs of the net; None for its outputs.
        feed : mapping
            Input name -> f32 array, axis 0 the batch (any size).
        progress : callable, optional
            Called with (chunks done, chunks in all).

        Returns
        -------
        list of f32 arrays, in the order of `output_names`

        Raises
        ------
        InputError
            For a wrong name, shape or dtype; the message lists what is valid.
        """
        outputs = self._output_names(output_names)
        arrays = self._checked_feed(feed)
        n = next(iter(arrays.values())).shape[0]
        # A plan gives each blob once, however often its name is asked for.
        shapes = {name: a.shape[1:] for name, a in arrays.items()}
        program = self._program(shapes, tuple(dict.fromkeys(outputs)), n)
        results = {name: np.empty((n, *shape), np.float32) for name, shape in program.plan.outputs.items()}
        if n:
            self._execute(program, [*arrays.values(), *results.values()], n, progress)
        return [results[name] for name in outputs]

    def forward(self, blobs: Sequence[str] | None = None, **inputs: Array) -> dict[str, Array]:
        """Compute a batch and return name -> array, as pycaffe's ``net.forward(data=x)`` does."""
        names = self._output_names(blobs)
        return dict(zip(names, self.run(names, inputs), strict=True))

    def run_pixels(self, images: Array, transform: PixelTransform, progress: Progress | None = None) -> list[Array]:
        """Compute the net's outputs for u8 images, which the workers convert at the head of each chunk.

        Parameters
        ----------
        images : (N, H, W, C) u8
            Best contiguous; may be a memory map.
        transform : PixelTransform
            Use one object for all calls: its plan is kept.
        progress : callable, optional
            Called with (chunks done, chunks in all).

        Raises
        ------
        InputError
            Where the images do not fit the transform or the net.
        """
        if len(self.net.inputs) != 1:
            raise InputError(f"the net has {len(self.net.inputs)} inputs; images fill only one")
        if images.dtype != np.uint8 or images.ndim != 4:
            raise InputError(f"images of {images.dtype} {images.shape}; uint8 (N, H, W, C) is expected")
        top, left, height, width = transform.crop
        if top + height > images.shape[1] or left + width > images.shape[2]:
            raise InputError(f"a crop of {height}x{width} does not fit into images of {images.shape[1:3]}")
        name, blob = next(iter(self.net.inputs.items()))
        if blob.shape[1:2] != images.shape[3:]:
            raise InputError(f"images of {images.shape[3]} channels; the input {name!r} has the shape {blob.shape}")
        source = PixelSource(images.shape[1], images.shape[2], (top, left), transform.mean, transform.factor)
        key = (transform, images.shape[1:])
        program = self._program({name: (images.shape[3], height, width)}, self.net.outputs, len(images), (key, source))
        results = [np.empty((len(images), *shape), np.float32) for shape in program.plan.outputs.values()]
        if len(images):
            self._execute(program, [np.ascontiguousarray(images), *results], len(images), progress)
        return results

    def plan(self, shapes: Mapping[str, Shape] | None = None, images: int = settings.CHUNK_IMAGES) -> Plan:
        """Return the plan for so many images of `shapes` (of one image, by name); default: that of the latest run."""
        if shapes is None and self._programs:
            return next(reversed(self._programs.values())).plan
        own = {name: blob.shape[1:] for name, blob in self.net.inputs.items()}
        return self._program(own | dict(shapes or {}), self.net.outputs, images).plan

    def profile(self, peak_gflops: float | None = None) -> Profile:
        """Return what each layer took in the latest run.

        Parameters
        ----------
        peak_gflops : float, optional
            The peak that layers are compared with; measured now, with as many threads as the run had, where None.

        Raises
        ------
        SettingError
            Where the session does not measure, or nothing has run yet.
        """
        if self._clock is None:
            raise SettingError("this session does not measure its layers", mend="Make it with profile=True")
        if self._latest is None:
            raise SettingError("there is nothing to profile: no run has ended yet", mend="Run some images first")
        plan, run = self._latest
        peak = measured_peak(len(run.ticks)) if peak_gflops is None else peak_gflops
        return Profile.of(plan, run, self._clock.ns_per_tick(), peak)

    def close(self) -> None:
        """End the worker threads; the session starts new ones when it is used again."""
        self._executor.close()

    def _execute(self, program: Program, arrays: list[Array], n_images: int, progress: Progress | None) -> None:
        run = self._executor.run(program, arrays, n_images, progress)
        if self._clock is not None:
            self._latest = program.plan, run

    def _output_names(self, names: Sequence[str] | None) -> tuple[str, ...]:
        chosen = tuple(names) if names else self.net.outputs
        for name in chosen:
            if name not in self.net.blobs:
                raise InputError(f"the net has no blob {name!r}", mend=f"Its outputs: {', '.join(self.net.outputs)}")
        return chosen

    def _checked_feed(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        inputs = self.net.inputs
        valid = "; ".join(f"{a.name}: {a.type} {a.shape}" for a in self.get_inputs())
        if not isinstance(feed, Mapping):
            raise InputError(f"the feed is a {type(feed).__name__}, no mapping of names", mend=f"The net takes {valid}")
        if set(feed) != set(inputs):
            raise InputError(f"inputs {sorted(feed)} are given", mend=f"The net takes {valid}")
        arrays = {name: self._checked(name, blob, feed[name], valid) for name, blob in inputs.items()}
        batches = {array.shape[0] for array in arrays.values()}
        if len(batches) != 1:
            raise InputError(f"the inputs have different batches {sorted(batches)}")
        return arrays

    @staticmethod
    def _checked(name: str, blob: Blob, array: Array, valid: str) -> Array:
        array = np.asarray(array)
        if array.dtype != np.float32:
            raise InputError(f"input {name!r} is {array.dtype}; float32 is expected", mend=f"The net takes {valid}")
        if array.ndim != len(blob.shape) or array.shape[1:2] != blob.shape[1:2]:
            raise InputError(f"input {name!r} has the shape {array.shape}", mend=f"The net takes {valid}")
        return np.ascontiguousarray(array)

    def _program(
        self,
        shapes: Mapping[str, Shape],
        outputs: tuple[str, ...],
        images: int = settings.CHUNK_IMAGES,
        pixels: tuple[object, PixelSource] | None = None,
    ) -> Program:
        """Return the program for as many images of these shapes; `pixels` is a key that names the source, and that."""
        with self._programs_lock:
            if self._schedule is None and self._has_channel_kernels and self._few(images):
                try:
                    return self._kept(shapes, outputs, CHANNEL, pixels)
                except UnsupportedError:
                    self._has_channel_kernels = False
            return self._kept(shapes, outputs, self._schedule or BATCH, pixels)

    def _few(self, images: int) -> bool:
        """Return whether so few images are faster one by one: blocks of the batch schedule would be half empty."""
        blocks = -(-images // BATCH.images)
        fullest = -(-blocks // self.threads) * BATCH.images
        return images / self.threads < settings.BATCH_IMAGE_TIME * fullest

    def _kept(
        self,
        shapes: Mapping[str, Shape],
        outputs: tuple[str, ...],
        schedule: Schedule,
        pixels: tuple[object, PixelSource] | None,
    ) -> Program:
        """Return a program that was made before, or make it."""
        key = (tuple(shapes.items()), outputs, schedule, pixels and pixels[0])
        if key not in self._programs:
            before, compiled = time.perf_counter(), len(self._loader.stats.compiled)
            source, chunk_blocks = pixels and pixels[1], self._chunk_blocks
            plan = make_plan(self.net, shapes, outputs, source, chunk_blocks, self.winograd, schedule)
            self._programs[key] = Program(plan, self._loader, timed=self._clock is not None)
            self.compile_s += time.perf_counter() - before
            self.kernels_compiled += len(self._loader.stats.compiled) - compiled
        self._programs.move_to_end(key)
        while len(self._programs) > settings.PLANS_KEPT:
            self._programs.popitem(last=False)
        return self._programs[key]
