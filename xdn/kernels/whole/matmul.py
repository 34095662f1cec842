"""MatMul on whole arrays: the matrices one after the other, by the register tile of `xdn/kernels/whole/product.py`."""

from collections.abc import Sequence
from math import prod

import numpy as np

from xdn.element import real
from xdn.graph import Array, Layer
from xdn.kernels.whole.layers import WHOLE_LAYERS
from xdn.kernels.whole.product import Factor
from xdn.layers.matmul import MatMul


@WHOLE_LAYERS.register("MatMul")
def matmul(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Multiply the first bottom's matrices with the second's, each of which is packed once."""
    params: MatMul = layer.params  # type: ignore[assignment]
    a = bottoms[0].swapaxes(-1, -2) if params.transpose_a else bottoms[0]
    # As rows of weights are: (columns, inputs).
    b = bottoms[1] if params.transpose_b else bottoms[1].swapaxes(-1, -2)
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    (rows, inputs), columns, count = a.shape[-2:], b.shape[-2], prod(lead)
    made = np.empty((*lead, rows, columns), real)
    a = np.broadcast_to(a, (*lead, rows, inputs))
    if b.ndim == 2:
        # One for all: their rows are rows of one matrix.
        count, rows = 1, count * rows
    else:
        b = np.broadcast_to(b, (*lead, columns, inputs))
    left, right = a.reshape(count, rows, inputs), b.reshape(count, columns, inputs)
    for number, into in enumerate(made.reshape(count, rows, columns)):
        into[:] = Factor(right[number], None).times(np.ascontiguousarray(left[number], real))[:, :columns]
    return (made,)
