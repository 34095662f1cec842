"""Pooling of regions: the maximum or the average of each cell of a grid, whose borders the layer has worked out.

::

    for region, channel, cell:
        y = max(x[image, channel, rows of the cell, columns of the cell])       ROIPooling
        y = mean of x[image, channel of the cell, rows, columns]                PSROIPooling, summed in f64
"""

from collections.abc import Sequence

import numpy as np

from xdn.codegen.source import KernelBody, MakeBody
from xdn.element import S64, real
from xdn.graph import Array, Layer
from xdn.kernels.core.descriptor import Descriptor, Number, Pointer, Size
from xdn.kernels.whole.layers import WHOLE_LAYERS, call
from xdn.layers.pooling import LOWEST


class Regions(Descriptor):
    """Maps (N, `x_channels`, `h`, `w`), and the cells of `regions`, `ph` x `pw` each.

    images, rows, columns
        (R,), (R, PH, 2), (R, PW, 2): the image of a region, and from where to where each cell reaches.
    start
        What every maximum starts from.
    """

    x, y = Pointer(), Pointer()
    images, rows, columns = Pointer(S64), Pointer(S64), Pointer(S64)
    regions, channels, x_channels, ph, pw, h, w = (Size() for _ in range(7))
    start = Number()


def _largest() -> KernelBody:
    def largest(d, frame):
        x, y, start, images, rows, columns = d.x, d.y, d.start, d.images, d.rows, d.columns
        channels, ph, pw, h, w = d.channels, d.ph, d.pw, d.h, d.w
        for r in range(d.regions):
            for c in range(channels):
                plane = (images[r] * d.x_channels + c) * h * w
                for i in range(ph):
                    top, bottom = rows[2 * (r * ph + i)], rows[2 * (r * ph + i) + 1]
                    for j in range(pw):
                        left, right = columns[2 * (r * pw + j)], columns[2 * (r * pw + j) + 1]
                        most = start if top < bottom and left < right else real(0)
                        for p in range(top, bottom):
                            for q in range(left, right):
                                value = x[plane + p * w + q]
                                most = value if value > most else most
                        y[((r * channels + c) * ph + i) * pw + j] = most

    return largest


def _average() -> KernelBody:
    def average(d, frame):
        x, y, images, rows, columns = d.x, d.y, d.images, d.rows, d.columns
        channels, ph, pw, h, w = d.channels, d.ph, d.pw, d.h, d.w
        for r in range(d.regions):
            for c in range(channels):
                for i in range(ph):
                    top, bottom = rows[2 * (r * ph + i)], rows[2 * (r * ph + i) + 1]
                    for j in range(pw):
                        left, right = columns[2 * (r * pw + j)], columns[2 * (r * pw + j) + 1]
                        plane = (images[r] * d.x_channels + (c * ph + i) * pw + j) * h * w
                        total, count = 0.0, (bottom - top) * (right - left)
                        for p in range(top, bottom):
                            for q in range(left, right):
                                total += x[plane + p * w + q]
                        empty = top >= bottom or left >= right
                        y[((r * channels + c) * ph + i) * pw + j] = real(0.0 if empty else total / count)

    return average


def _pooled(layer: Layer, bottoms: Sequence[Array], op: str, make: MakeBody) -> tuple[Array, ...]:
    """Return the top; the layer checks the regions, so that no cell leaves the map."""
    maps = np.ascontiguousarray(bottoms[0], real)
    cells = layer.params.cells(bottoms)  # type: ignore[attr-defined]
    images, rows, columns = (np.ascontiguousarray(table, np.int64) for table in cells)
    (_, ph, _), (_, pw, _) = rows.shape, columns.shape
    channels = maps.shape[1] if op == "largest_of_cells" else layer.params.output_dim  # type: ignore[attr-defined]
    top = np.empty((len(images), channels, ph, pw), real)
    _, x_channels, h, w = maps.shape
    tables = {"images": images, "rows": rows, "columns": columns}
    sizes = {"regions": len(images), "channels": channels, "x_channels": x_channels, "ph": ph, "pw": pw, "h": h, "w": w}
    call(op, make, Regions(x=maps, y=top, start=LOWEST, **tables, **sizes))
    return (top,)


@WHOLE_LAYERS.register("ROIPooling")
def roi_pooling(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Take the maximum of each cell."""
    return _pooled(layer, bottoms, "largest_of_cells", _largest)


@WHOLE_LAYERS.register("PSROIPooling")
def psroi_pooling(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Take the average of each cell, from channels of its own."""
    return _pooled(layer, bottoms, "average_of_cells", _average)
