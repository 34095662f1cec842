"""Backends: what compiles and runs a net whose layers treat each image alone.

A session asks its backend which layers it takes, and cuts the net: what the backend does not take is computed on whole
arrays (`parts.py`). The rest it lets the backend compile, once for each kind of `Request`, and run. A new backend is a
file or a folder in `xdn/runtime/` whose class registers itself in `BACKENDS`, as `cpu/backend.py` does; the smallest
one that does everything is in `tests/runtime/test_backend.py`.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from xdn.graph import Array, Blob, Layer, Net, Shape
from xdn.kernels.core.descriptor import Descriptor
from xdn.kernels.core.stopwatch import NOTHING, Noted
from xdn.kernels.move.images import PixelSource
from xdn.memory import Need
from xdn.registry import Registry
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import Plan

#: Called with (chunks done, chunks in all) while a run goes on.
Progress = Callable[[int, int], None]


class Request(NamedTuple):
    """What a program is wanted for.

    Parameters
    ----------
    shapes : mapping
        Input -> shape of one image.
    outputs : tuple of str
        Blobs to give, each once.
    images : int
        Of the call; a program takes any number, but another one may suit so many better (`Backend.variant`).
    pixels : (object, PixelSource), optional
        A key that names the source, and the source: the only input is u8 images (N, H, W, C), which it converts.
    """

    shapes: Mapping[str, Shape]
    outputs: tuple[str, ...]
    images: int
    pixels: tuple[object, PixelSource] | None = None


class Run(NamedTuple):
    """What a finished run was.

    Parameters
    ----------
    images, chunks : int
        How many images it took, in how many chunks.
    seconds : float
        Wall-clock time, from handing out the work to the last worker's end.
    ticks : (workers, steps) int64
        What each worker spent in each step, in ticks of the processor's counter; zeros where the program is not timed.
    array_bytes : tuple of int
        Sizes of the caller's arrays: inputs, then outputs.
    members : int
        Workers that shared each image.
    noted : Noted
        When each worker did what; nothing where the program is not timed.
    """

    images: int
    chunks: int
    seconds: float
    ticks: Array
    array_bytes: tuple[int, ...]
    members: int = 1
    noted: Noted = NOTHING


class Program(Protocol):
    """A net compiled for images of some shapes, ready for any number of them."""

    @property
    def outputs(self) -> Mapping[str, Blob]:
        """What it gives: name -> the blob of one image."""

    @property
    def plan(self) -> Plan | None:
        """What runs in which order and memory, as `Session.plan` and profiles show it; None where there is none."""


P = TypeVar("P", bound=Program)


class Backend(Protocol[P]):
    """Compiles and runs nets for one session; safe to use from several threads.

    A session makes it: class(threads, members, timed), with the workers at most, how many of them should share an image
    (None: as many as help), and whether layers are measured; SettingError says that they cannot be.
    """

    def __init__(self, threads: int, members: int | None, timed: bool): ...

    @property
    def threads(self) -> int:
        """Workers at most."""

    @property
    def kernels_compiled(self) -> int:
        """Kernels that `compile` had to compile because no cache had them."""

    @property
    def reads_pixels(self) -> bool:
        """Whether requests may have `pixels`; otherwise the session converts images before the run."""

    def takes(self, layer: Layer, blobs: Mapping[str, Blob]) -> bool:
        """Return whether it computes the layer, which treats images alone; `blobs` has its own, at some batch."""

    def variant(self, net: Net, request: Request, configuration: Configuration) -> Hashable:
        """Return what a program for the request depends on beside shapes, outputs and pixels."""

    def compile(self, net: Net, request: Request, configuration: Configuration) -> P:
        """Return a program of `net`, of which it takes every layer."""

    def needs(self, program: P, images: int) -> Sequence[Need]:
        """Return what a run of so many images takes of memory beside the caller's arrays."""

    def run(self, program: P, arrays: list[Array], images: int, progress: Progress | None = None) -> Run:
        """Run a program over contiguous arrays, inputs and then outputs, in the order of request and program."""

    def work(self, kernel: int, descriptor: Descriptor) -> None:
        """Run a kernel of a layer that is computed on whole arrays, at an address, in as many threads as help it.

        It takes its portion of the work by its frame; `xdn.kernels.whole.layers.alone` runs it in one thread.
        """

    def close(self) -> None:
        """End threads and give memory back; a later run begins anew."""


BACKENDS: Registry[type[Backend[Any]]] = Registry("backend", "xdn.runtime")
