"""Layers that are computed on whole arrays: by machine code of their own, or by their reference."""

from collections.abc import Callable, Sequence

from xdn.codegen.loader import process_loader
from xdn.codegen.names import KernelName
from xdn.codegen.native import kernel_at
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


def compute_whole(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Return the tops of a layer for whole arrays, contiguous f32."""
    if layer.type in WHOLE_LAYERS and layer.epilogue is None:
        return WHOLE_LAYERS[layer.type](layer, bottoms)
    return layer.forward(bottoms)


def call(op: str, make: MakeBody, descriptor: Descriptor) -> None:
    """Run a kernel on what its descriptor says; it does not look at its frame."""
    name = KernelName(op, host_target().name)
    kernel_at(process_loader().address(kernel_source(name, make, type(descriptor))))(descriptor.words, Frame().words)
