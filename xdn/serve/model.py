"""A version of a model that is loaded: what it takes and gives, and its sessions, one a schedule."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path

import numpy as np

from xdn import api, frontend, settings
from xdn.element import BF16, real
from xdn.errors import InputError, MemoryLimitError, UnsupportedError
from xdn.graph import Array, Feed, Net
from xdn.kernels.core.layout import BATCH, SCHEDULES
from xdn.optimize import PLAIN, apply_stages, stage_names
from xdn.runtime import session as runtime
from xdn.runtime.machine import this_target
from xdn.serve.config import ModelConfig
from xdn.serve.datatypes import name_of
from xdn.serve.images import ImageInput
from xdn.serve.messages import BadRequestError, InferRequest, ModelMetadata, Tensor, TooLargeError
from xdn.serve.signature import Signature
from xdn.serve.times import Times
from xdn.serve.undisturbed import Taken, timed
from xdn.session import Session

PLATFORM = "xdn"
#: The schedule of a session that chooses it by itself.
_BY_RULE = ""


def load_net(path: Path, config: ModelConfig) -> Net:
    """Return the net in a file as it is served: with its weights and its images' transform, optimized."""
    weights = None if config.random_weights else frontend.find_weights(path)
    net = config.images.transformed(api.load(path, weights, random_weights=config.random_weights))
    return apply_stages(net, stage_names(PLAIN)) if config.optimize else net


class Model:
    """A net ready to serve.

    Where its layers treat each image alone there are two sessions, one a schedule: `times` tells which is faster for
    how many images. Other nets run each request by itself.

    Parameters
    ----------
    name, version : str
    net : Net
    config : ModelConfig
    threads : int, optional
        Of its sessions; by default as many as sessions have.

    Raises
    ------
    XdnError
        Where the net cannot be run.
    """

    def __init__(self, name: str, version: str, net: Net, config: ModelConfig, threads: int | None = None):
        self.name, self.version, self.config = name, version, config
        first = Session(net, configuration=config.configuration, threads=threads)
        inputs, outputs, shape = first.get_inputs(), first.get_outputs(), api.image_input(net)
        #: What it takes and gives.
        self.signature = Signature(inputs, outputs, not net.joining, config.max_batch, shape)
        self._sessions: dict[str, runtime.Session] = {_BY_RULE: first}
        if self.signature.joins and first.configuration.schedule is None:
            self._sessions = {schedule: _in_schedule(first, schedule) for schedule in SCHEDULES}
        self.times = Times({schedule: self._block(schedule) for schedule in self._sessions})
        shape = self.signature.image_shape
        self._images = ImageInput(net, shape, config.images) if shape else None
        self.metadata = ModelMetadata(name, (version,), PLATFORM, *self.signature.metadata, self.signature.batch)

    def compile(self) -> None:
        """Plan runs and compile their kernels, as far as that can be done without one."""
        for schedule, session in self._sessions.items():
            # Where there are no kernels, or no memory, a run tells what that means.
            with suppress(UnsupportedError, MemoryLimitError):
                session.plan(None, self._sizes(schedule)[0])

    def warm(self) -> Iterator[None]:
        """Measure runs of several numbers of images; an item is yielded before a few runs.

        A schedule is measured for `settings.SERVED_MEASURED_S`, beside what compiling takes. A schedule without kernels
        for the net, or memory, is left out.

        Raises
        ------
        UnsupportedError, MemoryLimitError
            Where none is left.
        """
        for schedule, session in tuple(self._sessions.items()):
            left_s = settings.SERVED_MEASURED_S
            for images in self._sizes(schedule):
                yield
                try:
                    taken = self._timed(session, images, left_s)
                except (UnsupportedError, MemoryLimitError):
                    if len(self._sessions) == 1:
                        raise
                    self._drop(schedule)
                    break
                self.times.measured(schedule, images, min(each.undisturbed_s for each in taken))
                left_s -= sum(each.seconds for each in taken)
                if left_s <= 0:
                    break

    def _drop(self, schedule: str) -> None:
        """Do without a schedule."""
        self._sessions.pop(schedule).close()
        self.times.forget(schedule)

    def _block(self, schedule: str) -> int:
        """Return how many images are computed as a whole."""
        return this_target().block_images if schedule == BATCH.name else 1

    def _sizes(self, schedule: str) -> list[int]:
        """Return the numbers of images that are measured, in order: first those of a block for each thread."""
        if not self.signature.joins:
            return [1]
        most, block, first = self.config.max_batch, self._block(schedule), 1
        if schedule == BATCH.name:
            first = min(block * self._sessions[schedule].threads, most)
        more = takewhile(lambda images: images <= most, (first << power for power in count()))
        return [*more, *takewhile(lambda images: images >= block, (first >> power for power in count(1)))]

    def _timed(self, session: runtime.Session, images: int, most_s: float) -> list[Taken]:
        """Return what a few runs of zeros take; fewer where these take so many seconds together."""
        zeros = {}
        for name, blob in session.net.inputs.items():
            shape = (images, *blob.shape[1:]) if self.signature.joins else blob.shape
            zeros[name] = np.zeros(shape, blob.element.numpy)
        taken: list[Taken] = []
        while len(taken) < settings.SERVED_MEASURED_RUNS and sum(each.seconds for each in taken) < most_s:
            taken.append(timed(lambda: session.run(None, zeros), lambda: session.compile_s))
        return taken

    def feed(self, request: InferRequest, unwanted: threading.Event | None = None) -> Feed:
        """Return what the session reads for a request; nothing of use once it is `unwanted`.

        Raises
        ------
        BadRequestError
            For images that are not, or that the transform does not take.
        """
        found: dict[str, Array] = {}
        for tensor in request.inputs:
            if self._images is None or not self.signature.reads_images(tensor):
                found[tensor.name] = _as_read(tensor)
                continue
            rows = []
            for row in self._images.arrays(tensor):
                rows.append(row)
                if unwanted is not None and unwanted.is_set():
                    break
            found[tensor.name] = np.concatenate(rows) if len(rows) > 1 else rows[0]
        return found

    def run(self, feed: Feed, images: int) -> list[Array]:
        """Compute the outputs, in the schedule that is faster for so many images, and take note of the time.

        Raises
        ------
        ServeError
            For values that the net does not take, or more memory than there is.
        """
        schedule = self.times.schedule(images)
        session = self._sessions[schedule]
        begun, compiled = time.perf_counter(), session.compile_s
        try:
            results = session.run(None, feed)
        except (InputError, UnsupportedError) as error:
            raise BadRequestError(error.what, mend=error.mend) from error
        except MemoryLimitError as error:
            raise TooLargeError(error.what) from error
        if session.compile_s == compiled:
            self.times.observe(schedule, images, time.perf_counter() - begun)
        return results

    def outputs(self, request: InferRequest, results: list[Array]) -> tuple[Tensor, ...]:
        """Return the outputs that a request wants, of all outputs' arrays."""
        named = dict(zip(self.signature.outputs, results, strict=True))
        wanted = request.outputs or self.signature.outputs
        return tuple(Tensor(name, name_of(named[name].dtype), named[name]) for name in wanted)

    def close(self) -> None:
        """End the sessions' threads."""
        for session in self._sessions.values():
            session.close()


def _in_schedule(session: runtime.Session, schedule: str) -> runtime.Session:
    """Return a session of the same net, fused already, in one schedule."""
    return runtime.Session(session.net, configuration=session.configuration.with_given(schedule=schedule))


def _as_read(tensor: Tensor) -> Array:
    """Return numbers as sessions take them."""
    if tensor.datatype == "BF16":
        return BF16.loaded(tensor.data)
    return tensor.data.astype(real) if tensor.datatype == "FP16" else tensor.data
