"""Embed: for each number of the bottom a row of a table.

::

    for position in positions of x:
        for i in row:
            number = x[position][i], brought into the range
            for k in values:
                y[position][k][i] = table[number][k] + bias[k]

A bottom without channels, (N,), has its values where others have channels.
"""

import numpy as np

from xdn.codegen.intrinsics import at_element
from xdn.codegen.source import KernelBody
from xdn.element import real
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion


class Embed(Descriptor):
    """A table of `rows` with `values` each; positions, and the `numbers` of each.

    x_pitch, y_pitch, step
        Elements from one position to the next, and from one value of y to the next.
    """

    x, y = Place(), Place()
    table, bias = Pointer(), Pointer()
    rows, values, positions, numbers, x_pitch, y_pitch, step = (Size() for _ in range(7))


def _embed() -> KernelBody:
    def embed(d, frame):
        table, bias, values, step = d.table, d.bias, d.values, d.step
        positions, numbers, last = d.positions, d.numbers, d.rows - 1
        x_pitch, y_pitch = d.x_pitch, d.y_pitch
        begin, stop = portion(frame, positions)
        for block in range(frame.blocks):
            x = at_element(frame, d.x, block * positions * x_pitch)
            y = at_element(frame, d.y, block * positions * y_pitch)
            for p in range(begin, stop):
                for i in range(numbers):
                    given, row = np.float64(x[p * x_pitch + i]), np.int64(0)
                    # NaN is not the number of a row; it compares as false.
                    if given >= last:
                        row = last
                    elif given > 0.0:
                        row = np.int64(given)
                    for k in range(values):
                        y[p * y_pitch + k * step + i] = table[row * values + k] + bias[k]

    return embed


@family("embed", "Embed", schedules=BOTH)
def lower_embed(lowering: Lowering) -> Lowered:
    """Look up each number's row, and add the bias."""
    layer, bottom = lowering.layer, lowering.bottom()
    images = bottom.images
    single = len(lowering.bottoms[0].shape) == 1
    values, top = lowering.params.num_output, lowering.top()
    table = np.ascontiguousarray(layer.weights["weight"], real)
    bias = np.ascontiguousarray(layer.weights.get("bias", np.zeros(values)), real)
    words = lowering.words(
        Embed,
        table=table,
        bias=bias,
        rows=len(table),
        values=values,
        positions=bottom.positions,
        numbers=images if single else bottom.position_elements,
        y_pitch=top.position_elements if single else values * top.position_elements,
        step=images if single else top.position_elements,
    )
    return Lowered([lowering.step("embed", _embed, words, serves_both=True)])
