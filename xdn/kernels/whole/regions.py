"""Pooling of regions: the maximum or the average of each cell of a grid, whose borders the layer has worked out.

::

    for region, channel, cell:
        y = max(x[image, channel, rows of the cell, columns of the cell])       ROIPooling
        y = mean of x[image, channel of the cell, rows, columns]                PSROIPooling, summed in f64
"""

from collections.abc import Sequence

import numpy as np

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.names import KernelName
from xdn.codegen.target import host_target
from xdn.graph import Array, Layer
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import words
from xdn.kernels.whole.layers import WHOLE_LAYERS, call
from xdn.layers.pooling import LOWEST

#: IMAGES (R,), ROWS (R, PH, 2) and COLUMNS (R, PW, 2) int64; CHANNELS: of the top, X_CHANNELS: of the map.
X, Y, IMAGES, ROWS, COLUMNS, REGIONS, CHANNELS, X_CHANNELS, PH, PW, H, W, START = range(13)


def _largest():
    def largest(desc, frame):
        x, y, start = f32_at(desc[X]), f32_at(desc[Y]), f32_at(desc[START])[0]
        images, rows, columns = i64_at(desc[IMAGES]), i64_at(desc[ROWS]), i64_at(desc[COLUMNS])
        channels, ph, pw, h, w = desc[CHANNELS], desc[PH], desc[PW], desc[H], desc[W]
        for r in range(desc[REGIONS]):
            for c in range(channels):
                plane = (images[r] * desc[X_CHANNELS] + c) * h * w
                for i in range(ph):
                    top, bottom = rows[2 * (r * ph + i)], rows[2 * (r * ph + i) + 1]
                    for j in range(pw):
                        left, right = columns[2 * (r * pw + j)], columns[2 * (r * pw + j) + 1]
                        most = start if top < bottom and left < right else np.float32(0)
                        for p in range(top, bottom):
                            for q in range(left, right):
                                value = x[plane + p * w + q]
                                most = value if value > most else most
                        y[((r * channels + c) * ph + i) * pw + j] = most

    return largest


def _average():
    def average(desc, frame):
        x, y = f32_at(desc[X]), f32_at(desc[Y])
        images, rows, columns = i64_at(desc[IMAGES]), i64_at(desc[ROWS]), i64_at(desc[COLUMNS])
        channels, ph, pw, h, w = desc[CHANNELS], desc[PH], desc[PW], desc[H], desc[W]
        for r in range(desc[REGIONS]):
            for c in range(channels):
                for i in range(ph):
                    top, bottom = rows[2 * (r * ph + i)], rows[2 * (r * ph + i) + 1]
                    for j in range(pw):
                        left, right = columns[2 * (r * pw + j)], columns[2 * (r * pw + j) + 1]
                        plane = (images[r] * desc[X_CHANNELS] + (c * ph + i) * pw + j) * h * w
                        total, count = 0.0, (bottom - top) * (right - left)
                        for p in range(top, bottom):
                            for q in range(left, right):
                                total += x[plane + p * w + q]
                        empty = top >= bottom or left >= right
                        y[((r * channels + c) * ph + i) * pw + j] = np.float32(0.0 if empty else total / count)

    return average


def _pooled(layer: Layer, bottoms: Sequence[Array], op: str, body: KernelBody) -> tuple[Array, ...]:
    """Return the top; the layer checks the regions, so that no cell leaves the map."""
    maps = np.ascontiguousarray(bottoms[0], np.float32)
    cells = layer.params.cells(bottoms)  # type: ignore[attr-defined]
    images, rows, columns = (np.ascontiguousarray(table, np.int64) for table in cells)
    ph, pw = rows.shape[1], columns.shape[1]
    channels = maps.shape[1] if op == "largest_of_cells" else layer.params.output_dim  # type: ignore[attr-defined]
    top, start = np.empty((len(images), channels, ph, pw), np.float32), np.array([LOWEST], np.float32)
    places = {X: maps, Y: top, IMAGES: images, ROWS: rows, COLUMNS: columns, START: start}
    sizes = {REGIONS: len(images), CHANNELS: channels, X_CHANNELS: maps.shape[1], PH: ph, PW: pw}
    sizes |= {H: maps.shape[2], W: maps.shape[3]}
    descriptor = words(13, sizes | {slot: address(array) for slot, array in places.items()})
    call(KernelSource(KernelName(op, host_target().name), body), descriptor)
    return (top,)


@WHOLE_LAYERS.register("ROIPooling")
def roi_pooling(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Take the maximum of each cell."""
    return _pooled(layer, bottoms, "largest_of_cells", _largest)


@WHOLE_LAYERS.register("PSROIPooling")
def psroi_pooling(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Take the average of each cell, from channels of its own."""
    return _pooled(layer, bottoms, "average_of_cells", _average)
