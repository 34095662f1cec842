"""One layer alone: a session for it, and its times."""

import time

import numpy as np
import psutil
from shapes import Case

from xdn.codegen.target import host_target
from xdn.element import F32
from xdn.graph import Array
from xdn.kernels.core.choice import RULE, Choice
from xdn.runtime.configuration import Configuration
from xdn.runtime.profile import LayerProfile
from xdn.runtime.session import Session

#: What a run's images take at least, where a net's own chunks are smaller: short runs would measure the threads' start.
DATA_BYTES = 64 << 20
#: Chunks a thread in one run, at most.
MOST_CHUNKS = 8
#: The part of the free memory that one case may take.
MEMORY_SHARE = 0.5


class TooLargeError(Exception):
    """The layer needs too much memory."""


def random_blocks(images: int, image_shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return (images, ...) f32: one block of random images over and over."""
    block = rng.standard_normal((host_target().block_images, *image_shape), np.float32)
    return np.resize(block, (images, *image_shape))


class Alone:
    """A layer with random weights and images, that has run once.

    Parameters
    ----------
    case : Case
    threads : int
    images : int, optional
        Of a run; None: some chunks for each thread.
    choice : Choice
        How the layer is computed.

    Raises
    ------
    TooLargeError
    """

    def __init__(self, case: Case, threads: int, images: int | None = None, choice: Choice = RULE):
        net, schedule = case.net(), case.schedule.name
        self._inputs = len(net.inputs)
        configuration = Configuration(threads, schedule=schedule, choices={schedule: {net.layers[-1].name: choice}})
        self._session = Session(net, profile=True, configuration=configuration)
        plan = self._session.plan()
        image_bytes = sum(net.blobs[name].image_size for name in (*net.inputs, *net.outputs)) * F32.bytes
        chunk_images = plan.chunk_blocks * plan.block_images
        chunks = max(1, min(MOST_CHUNKS, DATA_BYTES // (threads * chunk_images * image_bytes)))
        self.images = images or threads * chunks * chunk_images
        needed_bytes = threads * plan.arena.size + self.images * image_bytes
        if needed_bytes > MEMORY_SHARE * psutil.virtual_memory().available:
            raise TooLargeError(f"needs {needed_bytes / 2**30:.1f} GiB, more than half of the free memory")
        rng = np.random.default_rng(0)
        self._feed = {name: random_blocks(self.images, blob.shape[1:], rng) for name, blob in net.inputs.items()}
        self._session.run(None, self._feed)

    def times(self, seconds: float, peak_gflops: float = 1.0) -> list[LayerProfile]:
        """Return the layer's figures in runs that take `seconds` together, and one at least, fastest first."""
        found = []
        end = time.perf_counter() + seconds
        while not found or time.perf_counter() < end:
            self._session.run(None, self._feed)
            found.append(self._session.profile(peak_gflops).layers[self._inputs])
        return sorted(found, key=lambda layer: layer.ms)

    def close(self) -> None:
        """End the threads."""
        self._session.close()
