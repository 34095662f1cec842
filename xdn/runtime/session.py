"""`Session`: a net ready to run, in the manner of ONNX Runtime and of pycaffe."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xdn import memory, settings
from xdn.data.pixels import PixelTransform
from xdn.errors import SettingError, UnsupportedError, listed
from xdn.graph import Array, Feed, Net, Shape
from xdn.kernels.move.images import PixelSource
from xdn.runtime.arguments import Argument, arguments_of, checked_feed, checked_names, input_of_images, parted_batches
from xdn.runtime.backend import BACKENDS, Progress, Request
from xdn.runtime.chain import Chain
from xdn.runtime.clock import TickClock
from xdn.runtime.configuration import DEFAULT, Configuration
from xdn.runtime.cpu.plan import Plan
from xdn.runtime.cpu.threads.count import checked_threads
from xdn.runtime.intervals import timeline
from xdn.runtime.needs import images_that_fit, net_needs
from xdn.runtime.parts import CutKey, NetPart, WholePart, cut, cut_key
from xdn.runtime.profile import Profile
from xdn.runtime.runner import Runner
from xdn.runtime.taken import Taken, profiled
from xdn.runtime.timeline import Timeline


class Session:
    """Run a net with machine code made for it; safe to call from several threads.

    Parameters
    ----------
    net : Net
        With weights. The session runs it as it is; `xdn.Session` fuses it first.
    profile : bool
        Measure each layer of every run, for `profile`.
    configuration : Configuration, optional
        How the net is run, as the tuner finds it.
    backend : str
        What compiles and runs the layers that it takes, by its name in `xdn.runtime.backend.BACKENDS`.
    given
        Fields of `Configuration`, which come before those of `configuration`; None stands for one that is not given.
        ``threads``: workers, by default what affinity, cgroup quota and OMP_NUM_THREADS allow; ``winograd``: compute
        3x3 and pointwise convolutions with fewer multiplications where that is faster, and with larger rounding errors;
        ``precision``: ``"fma"`` keeps to f32 arithmetic where the processor has a tile unit, too, ``"bf16x3"`` lets
        that sum three products of bf16 parts instead of six;
        ``schedule``: ``"batch"``, vectors of images, for many at a time, or ``"channel"``, vectors of channels, for
        few, by default whichever should be faster for the images of a call: where rules choose another algorithm in
        the one than in the other, results differ by its rounding;
        ``chunk_blocks``, ``weights_as`` and more.

    Raises
    ------
    WeightsError
        Where a layer has no weights.
    UnsupportedError
        Where no kernel executes a layer.
    UnknownNameError
        For another schedule or backend.
    SettingError
        Where the layers are to be measured, and the backend cannot.
    MemoryLimitError
        Where not even one image's blobs fit into memory beside the weights.
    """

    def __init__(
        self,
        net: Net,
        *,
        profile: bool = False,
        configuration: Configuration = DEFAULT,
        backend: str = settings.BACKEND,
        **given: Any,
    ):
        net.require_weights()
        self.net = net
        #: How the net is run.
        self.configuration = configuration.with_given(**given)
        #: The name of what compiles and runs it.
        self.backend = backend
        workers = checked_threads(self.configuration.threads)
        self._backend = BACKENDS[backend](workers, self.configuration.members, profile)
        #: Worker threads at most.
        self.threads: int = self._backend.threads
        self._clock = TickClock() if profile else None
        memory.require(net_needs(net), "running the net")
        #: What runs, in this order; one part for a net whose layers all treat each image alone.
        self.parts = cut(net, self._backend.takes)
        nets = (part for part in self.parts if isinstance(part, NetPart))
        self._runners = {part: Runner(part.net, self._backend, self.configuration) for part in nets}
        first = self.parts[0] if len(self.parts) == 1 else None
        #: What runs a net that is one part as a whole; None where parts run one after another.
        self._only_runner = self._runners[first] if isinstance(first, NetPart) and first.net is net else None
        #: What runs the net, either way.
        self._main = self._only_runner or Chain(net, self.parts, self._runners, self._backend.work)
        #: What runs inputs that this cut does not hold for, and which ones these are; the latest.
        self._other: tuple[CutKey, Session] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what the session was made from; plans, machine code and threads belong to this process."""
        measured = self._clock is not None
        return {"net": self.net, "configuration": self.configuration, "profile": measured, "backend": self.backend}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin anew; the net is fused already, so that what a subclass does to nets is not repeated."""
        Session.__init__(self, **state)

    @property
    def compile_s(self) -> float:
        """Seconds spent on plans and kernels."""
        return sum(runner.compile_s for runner in self._runners.values())

    @property
    def kernels_compiled(self) -> int:
        """Kernels that were compiled because no cache had them."""
        return self._backend.kernels_compiled

    def get_inputs(self) -> list[Argument]:
        """Return name, shape and dtype of the inputs, a free batch as "N"."""
        return arguments_of(self.net, self.net.inputs)

    def get_outputs(self) -> list[Argument]:
        """Return name, shape and dtype of the outputs, a free batch as "N"."""
        return arguments_of(self.net, self.net.outputs)

    def run(
        self, output_names: Sequence[str] | None, feed: Feed, progress: Progress | None = None, out: Feed | None = None
    ) -> list[Array]:
        """Compute blobs for a batch.

        Parameters
        ----------
        output_names : sequence of str or None
            Any blobs of the net; None for its outputs.
        feed : mapping
            Input name -> f32 array, or one of int32, int64 or bool for whole numbers; axis 0 the batch (any size).
        progress : callable, optional
            Called with (chunks done, chunks in all); of a net in parts, with parts.
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
        outputs = checked_names(self.net, output_names)
        arrays = checked_feed(self.net, feed)
        # A plan gives each blob once, however often its name is asked for.
        asked = tuple(dict.fromkeys(outputs))
        shapes = {name: array.shape for name, array in arrays.items()}
        try:
            results = self._cut_for(shapes)._main.run(arrays, asked, progress, out)
        except UnsupportedError:
            if cut_key(shapes) == cut_key({name: blob.shape for name, blob in self.net.inputs.items()}):
                raise
            # Layers may join images of this size which they keep apart at the declared one.
            results = self._cut_anew(shapes)._main.run(arrays, asked, progress, out)
        return [results[name] for name in outputs]

    def _cut_for(self, shapes: Mapping[str, Shape]) -> "Session":
        """Return the session whose cut holds for inputs of `shapes`: another one where these part declared batches."""
        if self._other is not None and self._other[0] == cut_key(shapes):
            return self._other[1]
        return self._cut_anew(shapes) if parted_batches(self.net, shapes) else self

    def _cut_anew(self, shapes: Mapping[str, Shape]) -> "Session":
        """Return a session of the net for inputs of `shapes`, and keep it for such inputs."""
        made = Session(**self.__getstate__() | {"net": self.net.reshape(shapes)})
        self._other = cut_key(shapes), made
        return made

    def forward(self, blobs: Sequence[str] | None = None, **inputs: Array) -> dict[str, Array]:
        """Compute a batch and return name -> array, as pycaffe's ``net.forward(data=x)`` does."""
        names = checked_names(self.net, blobs)
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
        name = input_of_images(self.net, images, transform.crop)
        if not self._runs_pixels:
            return self.run(None, {name: transform.apply(images)}, progress)
        request = self._pixel_request(name, images, transform)
        return list(self._one_runner().execute(request, [np.ascontiguousarray(images)], progress).values())

    def prepare_pixels(self, images: Array, transform: PixelTransform) -> None:
        """Plan and compile what `run_pixels` needs for these images, and run nothing."""
        name = input_of_images(self.net, images, transform.crop)
        if self._runs_pixels:
            self._one_runner().program(self._pixel_request(name, images, transform))

    @property
    def _runs_pixels(self) -> bool:
        """Whether workers convert images themselves."""
        return self._only_runner is not None and self._backend.reads_pixels

    def _pixel_request(self, name: str, images: Array, transform: PixelTransform) -> Request:
        top, left, height, width = transform.crop
        source = PixelSource(images.shape[1], images.shape[2], (top, left), transform.mean, transform.factor)
        key = (transform, images.shape[1:])
        shapes = {name: (images.shape[3], height, width)}
        return Request(shapes, self.net.outputs, len(images), (key, source))

    def images_that_fit(self, most: int) -> int:
        """Return how many images to give in a call, `most` at most, so that what it makes fits into memory."""
        return images_that_fit(self.net, self._only_runner is None, most)

    def plan(self, shapes: Mapping[str, Shape] | None = None, images: int = settings.CHUNK_IMAGES) -> Plan:
        """Return the plan for so many images of `shapes` (of one image, by name); default: that of the latest run.

        Raises
        ------
        UnsupportedError
            Where the net runs in parts, each with a plan of its own (`plans`), or the backend makes no plans.
        """
        return self._one_runner().plan(shapes, images)

    def plans(self) -> tuple[Plan, ...]:
        """Return the plans of the latest run, one for each part that has one."""
        return tuple(filter(None, (runner.latest_plan() for runner in self._runners.values())))

    def profile(self, peak_gflops: float | None = None) -> Profile:
        """Return what each layer took in the latest run; of a net in parts those of all parts.

        Parameters
        ----------
        peak_gflops : float, optional
            The peak that layers are compared with; measured now, with as many threads as the run had, where None.

        Raises
        ------
        SettingError
            Where the session does not measure, or nothing has run yet.
        """
        taken, clock = self._measured()
        return profiled(taken, clock.ns_per_tick(), peak_gflops)

    def timeline(self) -> Timeline:
        """Return when each thread did what in the latest run; of a long one, in its first `settings.SLICES_KEPT` steps.

        Raises
        ------
        SettingError
            Where the session does not measure, or nothing has run yet.
        """
        taken, clock = self._measured()
        return timeline(taken, clock.ns_of())

    def _measured(self) -> tuple[Taken, TickClock]:
        """Return what the latest run took, and the clock that it was measured by."""
        if self._clock is None:
            raise SettingError("this session does not measure its layers", mend="Make it with profile=True")
        if self._main.latest is None:
            raise SettingError("there is nothing to profile: no run has ended yet", mend="Run some images first")
        return self._main.latest, self._clock

    def close(self) -> None:
        """End the worker threads; the session starts new ones when it is used again."""
        self._backend.close()

    def _one_runner(self) -> Runner:
        """Return what runs the only part; raise UnsupportedError where there are others."""
        if len(self._runners) == len(self.parts) == 1:
            return next(iter(self._runners.values()))
        alone = listed([part.layer.name for part in self.parts if isinstance(part, WholePart)])
        why = f": these layers are computed on whole batches: {alone}" if alone else ""
        raise UnsupportedError(f"the net runs in {len(self.parts)} parts, which have no plan in common{why}")
