"""Binary: arithmetic and comparisons of two blobs of one batch, each repeated along the axes in which its extent is 1.

::

    for row in rows:                                       as long as both bottoms' elements follow each other
        for i in range(length):
            y[i] = f(x0[i], x1[i])                         or x0[0], x1[0]: of channels, one value for all of them
"""

from collections.abc import Callable, Mapping

import numpy as np

from xdn.codegen.intrinsics import at_element
from xdn.codegen.source import KernelBody
from xdn.graph import Array, Blob
from xdn.kernels.core.descriptor import Descriptor, Place, Size, Table
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BATCH, BOTH, BlockLayout
from xdn.kernels.core.mathematics import of_pair
from xdn.kernels.core.portion import portion
from xdn.layers.function import Arithmetic, Formula, Value


class Row(Descriptor):
    """Where a row of each bottom begins, in elements of a block."""

    x0, x1 = Size(), Size()


class Broadcasting(Descriptor):
    """Elements of a block of each blob; rows of a block of the top, and elements of one; which bottom has one for all.

    Of bottoms of one extent along the channels a row has one element where vectors are of channels.
    """

    x0, x1, y = Place(), Place(), Place()
    x0_block, x1_block, y_block, row_count, length, x0_single, x1_single = (Size() for _ in range(7))
    rows = Table(Row)


def _comparison(sign: str) -> Formula:
    return lambda m, a, b: m.where(a, sign, b, m.number(1), m.number(0))


def _extreme(sign: str) -> Formula:
    """Return the larger or the smaller of two, NaN where one is."""

    def extreme(m: Arithmetic, a: Value, b: Value) -> Value:
        return m.where(a, sign, b, a, m.where(a, "==", a, b, a))

    return extreme


_FORMULAS: Mapping[str, Formula] = {
    "ADD": lambda m, a, b: m.add(a, b),
    "SUB": lambda m, a, b: m.sub(a, b),
    "MUL": lambda m, a, b: m.mul(a, b),
    "DIV": lambda m, a, b: m.div(a, b),
    "MAX": _extreme(">"),
    "MIN": _extreme("<"),
    "EQUAL": _comparison("=="),
    "NOT_EQUAL": lambda m, a, b: m.where(a, "==", b, m.number(0), m.number(1)),
    "LESS": _comparison("<"),
    "LESS_OR_EQUAL": _comparison("<="),
    "GREATER": _comparison(">"),
    "GREATER_OR_EQUAL": _comparison(">="),
}


def _body(f: Callable[..., float]) -> KernelBody:
    def broadcasting(d, frame):
        rows, length, x0_single, x1_single = d.rows, d.length, d.x0_single, d.x1_single
        begin, end = portion(frame, d.row_count)
        for block in range(frame.blocks):
            for r in range(begin, end):
                x0 = at_element(frame, d.x0, block * d.x0_block + rows[r].x0)
                x1 = at_element(frame, d.x1, block * d.x1_block + rows[r].x1)
                y = at_element(frame, d.y, block * d.y_block + r * length)
                if x0_single:
                    one = x0[0]
                    for i in range(length):
                        y[i] = f(one, x1[i])
                elif x1_single:
                    one = x1[0]
                    for i in range(length):
                        y[i] = f(x0[i], one)
                else:
                    for i in range(length):
                        y[i] = f(x0[i], x1[i])

    return broadcasting


def _takes(lowering: Lowering) -> bool:
    return lowering.params.operation in _FORMULAS and not lowering.params.joins_images(lowering.bottoms)


def _row_begins(lowering: Lowering, blob: Blob, layout: BlockLayout, by_channel: bool) -> Array:
    """Return where the rows of a bottom begin: one a position of the top, or one a channel of each."""
    positions = np.arange(layout.positions).reshape(blob.shape[2:])
    places = np.broadcast_to(positions, lowering.tops[0].shape[2:]).reshape(-1, 1) * layout.position_elements
    if by_channel:
        steps = np.arange(layout.channels) * layout.images
        places = places + np.broadcast_to(steps, lowering.top().channels)
    return places.ravel()


@family("binary", "Binary", when=_takes, schedules=BOTH)
def lower_binary(lowering: Lowering) -> Lowered:
    """Compute or compare, element by element."""
    layer, top, operation = lowering.layer, lowering.top(), lowering.params.operation
    layouts = [lowering.bottom(number) for number in range(2)]
    single = [layout.channels < top.channels for layout in layouts]
    # Of images a channel is a row of its own where one bottom has the same one for all.
    by_channel = lowering.schedule is BATCH and any(single)
    begins = [
        _row_begins(lowering, blob, layout, by_channel) for blob, layout in zip(lowering.bottoms, layouts, strict=True)
    ]
    rows = np.stack(begins, axis=1).astype(np.int64)
    alone = lowering.schedule is not BATCH
    words = lowering.words(
        Broadcasting,
        **dict(zip(("x0", "x1"), layer.bottoms, strict=True)),
        **{f"x{number}_block": layout.block_elements for number, layout in enumerate(layouts)},
        **{f"x{number}_single": int(alone and one) for number, one in enumerate(single)},
        row_count=len(rows),
        length=top.block_elements // len(rows),
        rows=rows,
    )
    body = of_pair(_FORMULAS[operation])
    return Lowered([lowering.step(f"binary_{operation.lower()}", lambda: _body(body), words, serves_both=True)])
