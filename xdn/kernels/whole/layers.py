"""Layers that are computed on whole arrays: by machine code of their own, or by their reference."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from xdn.codegen.loader import process_loader
from xdn.codegen.names import KernelName
from xdn.codegen.native import address, code_at
from xdn.codegen.source import MakeBody
from xdn.codegen.target import host_target
from xdn.graph import Array, Layer
from xdn.kernels.core.descriptor import Descriptor
from xdn.kernels.core.frame import Frame, kernel_source
from xdn.registry import Registry

#: (layer, bottoms) -> tops, the same as those of the layer's reference.
WholeForward = Callable[[Layer, Sequence[Array]], tuple[Array, ...]]

#: By layer type, where there is something faster than the reference.
WHOLE_LAYERS: Registry[WholeForward] = Registry("layer type computed on whole arrays", "xdn.kernels.whole")

#: (address of a kernel, its descriptor) -> None: runs the kernel in one thread, or in several that share its work.
Crew = Callable[[int, Descriptor], None]

#: Addresses of the kernels that this process has called.
_kernels: dict[KernelName, int] = {}


def alone(kernel: int, descriptor: Descriptor) -> None:
    """Run a kernel in this thread; its frame says no more than that it is alone."""
    code_at(kernel)(address(descriptor.words), address(Frame(members=1).words))


_crew: ContextVar[Crew] = ContextVar("crew of whole layers", default=alone)


@contextmanager
def worked_by(crew: Crew) -> Iterator[None]:
    """Let kernels of whole layers be run by `crew`."""
    token = _crew.set(crew)
    try:
        yield
    finally:
        _crew.reset(token)


def compute_whole(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Return the tops of a layer for whole arrays, contiguous f32."""
    if layer.type in WHOLE_LAYERS and layer.epilogue is None and not layer.quantized and not any(layer.stored):
        return WHOLE_LAYERS[layer.type](layer, bottoms)
    return layer.forward(bottoms)


def call(
    op: str, make: MakeBody, descriptor: Descriptor, *, tile: tuple[int, int] | None = None, shared: bool = False
) -> None:
    """Run a kernel on what its descriptor says; one that is `shared` takes its portion by its frame."""
    name = KernelName(op, host_target().name, tile=tile)
    if name not in _kernels:
        _kernels[name] = process_loader().address(kernel_source(name, make, type(descriptor)))
    (_crew.get() if shared else alone)(_kernels[name], descriptor)
