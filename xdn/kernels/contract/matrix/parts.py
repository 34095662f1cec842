"""f32 numbers as sums of bf16 numbers, their parts; which products of parts are summed.

::

    x = high + middle + low        high = bf16(x), middle = bf16(x - high), low = x - high - middle
    x w = high high                                        x3
        + high middle + middle high                        x3
        + high low + middle middle + low high              x6
        + middle low + low middle + low low                left out: below 2**-24 of |x w|, one f32 rounding

All parts are rounded to the nearest, so that each has half a unit of the one before it at most; the third one holds
what is left without rounding. Of an infinity or NaN the first part says all and the others are 0. A number that would
be rounded up to infinity is cut off instead, and what is left lies in the other parts. `docs/numerics.md` derives the
bounds of the errors.
"""

from collections.abc import Sequence

import numpy as np

from xdn.element import BF16, F16, REAL, Element, real
from xdn.graph import Array
from xdn.kernels.core.choice import BF16X3, BF16X6

#: The bits of an f32 that a bf16 number has; parts of an f32 number at most.
_KEPT, _MOST = 0xFFFF0000, 3
#: Algorithm -> (part of x, part of w) of each product of a step, 0 being the high one; the smallest products first, so
#: that as few bits as possible are lost when the large ones are added.
PRODUCTS = {
    BF16X6: ((2, 0), (1, 1), (0, 2), (0, 1), (1, 0), (0, 0)),
    BF16X3: ((1, 0), (0, 1), (0, 0)),
}


def parts_needed(algorithm: str) -> int:
    """Return the parts of f32 numbers that an algorithm reads."""
    return 1 + max(part for product in PRODUCTS[algorithm] for part in product)


def weight_parts(algorithm: str, stored: Element = REAL) -> int:
    """Return the parts of weights that an algorithm reads, which numbers of fewer bits than f32 have fewer of."""
    return min(parts_needed(algorithm), {BF16: 1, F16: 2}.get(stored, _MOST))


def products_with(algorithm: str, stored: Element = REAL) -> Sequence[tuple[int, int]]:
    """Return the products of parts for weights stored as an element; those with parts that are always 0 are not."""
    return [product for product in PRODUCTS[algorithm] if product[1] < weight_parts(algorithm, stored)]


def parts_of(values: Array, count: int) -> Array:
    """Return (count, ...) uint16: the first `count` parts of f32 values, as bf16 bits."""
    found, rest = [], np.ascontiguousarray(values, real)
    for _ in range(count):
        part = BF16.loaded(BF16.stored(rest))
        cut = np.where(np.isinf(part), (rest.view(np.uint32) & _KEPT).view(real), part)
        found.append(BF16.stored(cut))
        with np.errstate(invalid="ignore"):
            rest = np.where(np.isfinite(rest), rest - cut, real(0))
    return np.stack(found)
