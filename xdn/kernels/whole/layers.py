"""Layers that are computed on whole arrays: by machine code of their own, or by their reference."""

from collections.abc import Callable, Sequence

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.loader import process_loader
from xdn.codegen.native import kernel_at
from xdn.graph import Array, Layer
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


def call(source: KernelSource, descriptor: np.ndarray) -> None:
    """Run a kernel that needs no frame; it may write to its descriptor."""
    kernel_at(process_loader().address(source))(descriptor, _NO_FRAME)


_NO_FRAME = np.zeros(1, np.int64)
