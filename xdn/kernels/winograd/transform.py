"""Winograd's minimal filtering F(m x m, 3 x 3): the transforms of images, filters and results.

An m x m tile of a 3x3 convolution with stride 1 is (Lavin and Gray, "Fast Algorithms for Convolutional Neural
Networks", 2015)::

    Y = A' [ (G g G') * (B' d B) ] A          d: (m+2) x (m+2) inputs, g: 3 x 3 filter, *: element by element

so that it takes (m+2)**2 multiplications a pair of channels instead of 9 * m**2. B' and A' are written out as
additions and multiplications by small constants; each is applied to the columns, then to the rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from llvmlite import ir

from xdn.codegen.arithmetic import Arithmetic
from xdn.element import real
from xdn.graph import Array

#: One dimension of a transform: values in, values out.
Transform = Callable[[Arithmetic, Sequence[ir.Value]], list[ir.Value]]


@dataclass(frozen=True, eq=False)
class Winograd:
    """One F(m x m, 3 x 3).

    Parameters
    ----------
    outputs : int
        m: rows and columns of results of a tile.
    filters : (m+2, 3) float64
        G.
    of_input, of_output : callable
        B' and A' times a vector: m+2 values to m+2, m+2 values to m.
    """

    outputs: int
    filters: Array
    of_input: Transform
    of_output: Transform

    @property
    def inputs(self) -> int:
        """Rows and columns of inputs that a tile reads."""
        return self.outputs + 2

    @property
    def elements(self) -> int:
        """Products of a tile, for a pair of channels."""
        return self.inputs**2

    def transformed(self, weight: Array) -> Array:
        """Return G g G' of (K, C, 3, 3) filters, computed in f64, as f32 (elements, K, C)."""
        made = np.einsum("ir,kcrs,js->ijkc", self.filters, weight.astype(np.float64), self.filters)
        packed: Array = made.reshape(self.elements, *weight.shape[:2]).astype(real)
        return packed


def _input_2(m: Arithmetic, d: Sequence[ir.Value]) -> list[ir.Value]:
    return [m.sub(d[0], d[2]), m.add(d[1], d[2]), m.sub(d[2], d[1]), m.sub(d[1], d[3])]


def _output_2(m: Arithmetic, d: Sequence[ir.Value]) -> list[ir.Value]:
    return [m.add(m.add(d[0], d[1]), d[2]), m.sub(m.sub(d[1], d[2]), d[3])]


def _input_4(m: Arithmetic, d: Sequence[ir.Value]) -> list[ir.Value]:
    four, minus_four, minus_five = m.number(4), m.number(-4), m.number(-5)
    even, odd = m.fused(minus_four, d[2], d[4]), m.fused(minus_four, d[1], d[3])
    rest, difference = m.sub(d[4], d[2]), m.sub(d[3], d[1])
    return [
        m.fused(four, d[0], m.fused(minus_five, d[2], d[4])),
        m.add(even, odd),
        m.sub(even, odd),
        m.fused(m.number(2), difference, rest),
        m.fused(m.number(-2), difference, rest),
        m.fused(four, d[1], m.fused(minus_five, d[3], d[5])),
    ]


def _output_4(m: Arithmetic, d: Sequence[ir.Value]) -> list[ir.Value]:
    sum_1, difference_1 = m.add(d[1], d[2]), m.sub(d[1], d[2])
    sum_2, difference_2 = m.add(d[3], d[4]), m.sub(d[3], d[4])
    return [
        m.add(m.add(d[0], sum_1), sum_2),
        m.fused(m.number(2), difference_2, difference_1),
        m.fused(m.number(4), sum_2, sum_1),
        m.add(m.fused(m.number(8), difference_2, difference_1), d[5]),
    ]


#: By m. Interpolation points 0, 1, -1 and 0, 1, -1, 2, -2, beside infinity.
WINOGRAD = {
    2: Winograd(
        2, np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]]), _input_2, _output_2
    ),
    4: Winograd(
        4,
        np.array(
            [
                [1 / 4, 0, 0],
                [-1 / 6, -1 / 6, -1 / 6],
                [-1 / 6, 1 / 6, -1 / 6],
                [1 / 24, 1 / 12, 1 / 6],
                [1 / 24, -1 / 12, 1 / 6],
                [0, 0, 1],
            ]
        ),
        _input_4,
        _output_4,
    ),
}
