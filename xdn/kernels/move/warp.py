"""Images read at places that other blobs tell, bilinear: each position of each image from four of its own.

::

    for position in positions:
        for image in images of a block:
            left, top, dx, dy = place(image, position)
            for c in channels:
                y[c] = (1 - dy) * (1 - dx) * x[top, left][c] + (1 - dy) * dx * x[top, left + 1][c]
                     + dy * (1 - dx) * x[top + 1, left][c] + dy * dx * x[top + 1, left + 1][c]
"""

import numpy as np

from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import jitable
from xdn.codegen.source import KernelBody
from xdn.element import real
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase
from xdn.layers.flowwarp import FlowWarp

#: Of a vector: four products with what lies apart, for some vectors of channels.
_CYCLES = 24.0


class Warp(Descriptor):
    """Sizes of images, elements of blocks and of positions, and what the layer's rule is.

    relative
        Whether places are told as moves from each position.
    inside
        Whether what lies outside is `outside`, and the last row and column go on; else zeros lie beyond them.
    """

    x, places, y = Place(), Place(), Place()
    positions, height, width, channels, images = (Size() for _ in range(5))
    x_block, places_block, y_block, x_pitch, places_pitch, y_pitch = (Size() for _ in range(6))
    relative, inside = Size(), Size()
    outside = Number()


@jitable
def _around(at, size):
    """Return the places of an axis before and after `at`, what each gives, and whether there are such places."""
    low, high = real(-2), real(size + 1)
    at = low if at < low else at
    at = high if at > high else at
    first = np.floor(at) if at == at else real(0)
    share, begin = at - first, np.int64(first)
    last = size - 1
    before, after = min(max(begin, 0), last), min(max(begin + 1, 0), last)
    return before, after, real(1) - share, share, 0 <= begin <= last, 0 <= begin + 1 <= last


def _warp() -> KernelBody:
    def warp(d, frame):
        height, width, channels, images, pitch = d.height, d.width, d.channels, d.images, d.x_pitch
        inside, relative, outside, zero = d.inside, d.relative, d.outside, real(0)
        begin, stop = portion(frame, d.positions)
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.x_block), at_element(frame, d.y, block * d.y_block)
            places = at_element(frame, d.places, block * d.places_block)
            for p in range(begin, stop):
                out = p * d.y_pitch
                for i in range(images):
                    column, row = places[p * d.places_pitch + i], places[p * d.places_pitch + images + i]
                    if relative:
                        column += real(p % width)
                        row += real(p // width)
                    within = row >= zero and column >= zero and row < real(height) and column < real(width)
                    if inside and not within:
                        for c in range(channels):
                            y[out + c * images + i] = outside
                        continue
                    top, bottom, up, down, has_top, has_bottom = _around(row, height)
                    left, right, west, east, has_left, has_right = _around(column, width)
                    a = up * west if inside or (has_top and has_left) else zero
                    b = up * east if inside or (has_top and has_right) else zero
                    e = down * west if inside or (has_bottom and has_left) else zero
                    f = down * east if inside or (has_bottom and has_right) else zero
                    first, second = (top * width + left) * pitch + i, (top * width + right) * pitch + i
                    third, fourth = (bottom * width + left) * pitch + i, (bottom * width + right) * pitch + i
                    for c in range(channels):
                        k = c * images
                        y[out + k + i] = a * x[first + k] + b * x[second + k] + e * x[third + k] + f * x[fourth + k]

    return warp


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    return lowering.moving(_CYCLES)


@family("warp", "Warp", "FlowWarp", schedules=BOTH, phases=_phases)
def lower_warp(lowering: Lowering) -> Lowered:
    """Read images at the places of the second bottom, or moved by it."""
    params, bottom, places = lowering.params, lowering.bottom(), lowering.bottom(1)
    flow = isinstance(params, FlowWarp)
    words = lowering.words(
        Warp,
        places=lowering.layer.bottoms[1],
        height=bottom.height,
        width=bottom.width,
        places_block=places.block_elements,
        places_pitch=places.position_elements,
        relative=flow,
        inside=flow,
        outside=params.outside if flow else 0.0,
    )
    return Lowered([lowering.step("warp", _warp, words, serves_both=True)])
