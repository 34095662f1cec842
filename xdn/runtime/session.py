"""`Session`: a net ready to run, in the manner of ONNX Runtime and of pycaffe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xdn import settings
from xdn.codegen.loader import process_loader
from xdn.data.pixels import PixelTransform
from xdn.errors import InputError, SettingError
from xdn.graph.blob import Blob, Shape
from xdn.graph.layer import Array
from xdn.graph.net import Net
from xdn.kernels.images import PixelSource
from xdn.runtime.clock import TickClock
from xdn.runtime.configuration import DEFAULT, Configuration
from xdn.runtime.executor import Executor, Progress, Run
from xdn.runtime.peak import measured_peak
from xdn.runtime.plan import Plan
from xdn.runtime.profile import Profile
from xdn.runtime.program import Program
from xdn.runtime.programs import Programs
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
    configuration : Configuration, optional
        The same and more in one, as the tuner finds it; what is given beside it comes first.

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
        winograd: bool | None = None,
        schedule: str | None = None,
        configuration: Configuration = DEFAULT,
    ):
        net.require_weights()
        self.net = net
        given: dict[str, Any] = {
            "threads": threads,
            "chunk_blocks": chunk_blocks,
            "winograd": winograd,
            "schedule": schedule,
        }
        #: How the net is run.
        self.configuration = replace(configuration, **{k: value for k, value in given.items() if value is not None})
        self._executor = Executor(checked_threads(self.configuration.threads), self.configuration.members)
        loader = process_loader()
        self._clock = TickClock(loader) if profile else None
        self._programs = Programs(net, loader, self.threads, self.configuration, profile)
        self._latest: tuple[Plan, Run] | None = None

    @property
    def winograd(self) -> bool:
        """Whether 3x3 convolutions may take fewer multiplications."""
        return self.configuration.winograd

    @property
    def compile_s(self) -> float:
        """Seconds spent on plans and kernels."""
        return self._programs.compile_s

    @property
    def kernels_compiled(self) -> int:
        """Kernels that were compiled because no cache had them."""
        return self._programs.kernels_compiled

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
        self,
        output_names: Sequence[str] | None,
        feed: Mapping[str, Array],
        progress: Progress | None = None,
        out: Mapping[str, Array] | None = None,
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
        out : mapping, optional
            Output name -> contiguous f32 array that it is written to, for some of the outputs or for all.

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
        shapes = {name: array.shape[1:] for name, array in arrays.items()}
        program = self._programs.get(shapes, tuple(dict.fromkeys(outputs)), n)
        results = {name: np.empty((n, *shape), np.float32) for name, shape in program.plan.outputs.items()}
        if out:
            results |= _checked_out(out, results)
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
        shapes = {name: (images.shape[3], height, width)}
        program = self._programs.get(shapes, self.net.outputs, len(images), (key, source))
        results = [np.empty((len(images), *shape), np.float32) for shape in program.plan.outputs.values()]
        if len(images):
            self._execute(program, [np.ascontiguousarray(images), *results], len(images), progress)
        return results

    def plan(self, shapes: Mapping[str, Shape] | None = None, images: int = settings.CHUNK_IMAGES) -> Plan:
        """Return the plan for so many images of `shapes` (of one image, by name); default: that of the latest run."""
        if shapes is None and (kept := self._programs.all()):
            return kept[-1].plan
        own = {name: blob.shape[1:] for name, blob in self.net.inputs.items()}
        return self._programs.get(own | dict(shapes or {}), self.net.outputs, images).plan

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
        if not names:
            return self.net.outputs
        chosen = tuple(names)
        for name in chosen:
            if name not in self.net.blobs:
                raise InputError(f"the net has no blob {name!r}", mend=f"Its outputs: {', '.join(self.net.outputs)}")
        return chosen

    def _checked_feed(self, feed: Mapping[str, Array]) -> dict[str, Array]:
        inputs = self.net.inputs
        if not isinstance(feed, Mapping):
            raise InputError(f"the feed is a {type(feed).__name__}, no mapping of names", mend=self._valid())
        if feed.keys() != inputs.keys():
            raise InputError(f"inputs {sorted(feed)} are given", mend=self._valid())
        arrays = {name: self._checked(name, blob, feed[name]) for name, blob in inputs.items()}
        batches = {array.shape[0] for array in arrays.values()}
        if len(batches) != 1:
            raise InputError(f"the inputs have different batches {sorted(batches)}")
        return arrays

    def _valid(self) -> str:
        """Return what a feed must be."""
        return "The net takes " + "; ".join(f"{a.name}: {a.type} {a.shape}" for a in self.get_inputs())

    def _checked(self, name: str, blob: Blob, array: Array) -> Array:
        array = np.asarray(array)
        if array.dtype != np.float32:
            raise InputError(f"input {name!r} is {array.dtype}; float32 is expected", mend=self._valid())
        if array.ndim != len(blob.shape) or array.shape[1:2] != blob.shape[1:2]:
            raise InputError(f"input {name!r} has the shape {array.shape}", mend=self._valid())
        return np.ascontiguousarray(array)


def _checked_out(out: Mapping[str, Array], results: Mapping[str, Array]) -> dict[str, Array]:
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
