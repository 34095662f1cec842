"""Layers that only move data: Concat, Flatten, Reshape; and those that not even do that."""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.names import KernelName
from xdn.kernels.family import Lowered, Lowering, Step, address, family, words
from xdn.kernels.layout import ARENA, BLOCKS, BOTH, BlockLayout
from xdn.kernels.share import share

#: RUNS: a table with rows (x offset, y offset) of runs of RUN consecutive f32 each.
X, Y, X_BLOCK, Y_BLOCK, RUNS, RUN_COUNT, RUN = range(7)


def _copy():
    def copy(desc, frame):
        runs, run = i64_at(desc[RUNS]), desc[RUN]
        first, end = share(frame, desc[RUN_COUNT])
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * desc[X_BLOCK] * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * desc[Y_BLOCK] * 4)
            for r in range(first, end):
                x_at, y_at = runs[2 * r], runs[2 * r + 1]
                for i in range(run):
                    y[y_at + i] = x[x_at + i]

    return copy


def _step(lowering: Lowering, bottom: int, runs: np.ndarray, run: int) -> Step:
    """Return the step that copies `runs` of `run` elements from a bottom to the top."""
    layer = lowering.layer
    table = np.ascontiguousarray(runs, np.int64)
    sizes = {
        X_BLOCK: lowering.bottom(bottom).block_elements,
        Y_BLOCK: lowering.top().block_elements,
        RUNS: address(table),
        RUN_COUNT: len(table),
        RUN: run,
    }
    source = KernelSource(KernelName("copy", lowering.isa.name), _copy)
    return Step(source, words(7, sizes), {X: layer.bottoms[bottom], Y: layer.tops[0]}, (table,))


def _nchw_places(layout: BlockLayout) -> np.ndarray:
    """Return (C, H*W): where each value of an image lies in its block, in f32."""
    c = np.arange(layout.channels)[:, None] * layout.schedule.images
    return c + np.arange(layout.positions)[None, :] * layout.position_elements


@family("concat", "Concat", schedules=BOTH)
def lower_concat(lowering: Lowering) -> Lowered:
    """Copy the bottoms one after the other along an axis."""
    axis = lowering.layer.params.along(lowering.bottoms[0])
    if axis == 0:
        raise lowering.unsupported("the executor does not join blobs along the batch (axis 0)")
    top = lowering.top()
    rank = len(lowering.tops[0].shape)
    places = _nchw_places(top).reshape(lowering.tops[0].shape[1:])
    steps, begin = [], 0
    for i, blob in enumerate(lowering.bottoms):
        end = begin + blob.shape[axis]
        window = (slice(None),) * (axis - 1) + (slice(begin, end),) + (slice(None),) * (rank - axis - 1)
        bottom = lowering.bottom(i)
        y = places[window].reshape(bottom.channels, bottom.positions)
        # The channels of one position lie together on both sides: they are one run.
        runs = np.stack([_nchw_places(bottom)[0], y[0]], axis=1)
        steps.append(_step(lowering, i, runs, bottom.channels * bottom.schedule.images))
        begin = end
    return Lowered(steps)


@family("reshape", "Flatten", "Reshape", schedules=BOTH)
def lower_reshape(lowering: Lowering) -> Lowered:
    """Give the values of an image another shape: nothing to do where they lie in the same order."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    if lowering.bottoms[0].shape[0] != lowering.tops[0].shape[0]:
        raise lowering.unsupported("the executor does not move values between images (axis 0)")
    x, y = _nchw_places(bottom).ravel(), _nchw_places(top).ravel()
    if np.array_equal(x, y):
        return Lowered(aliases={layer.tops[0]: layer.bottoms[0]})
    return Lowered([_step(lowering, 0, np.stack([x, y], axis=1), bottom.schedule.images)])


@family(
    "identity",
    "Dropout",
    "Split",
    when=lambda lowering: getattr(lowering.layer.params, "factor", 1) == 1,
    schedules=BOTH,
)
def lower_identity(lowering: Lowering) -> Lowered:
    """Nothing: the tops are the bottom."""
    layer = lowering.layer
    return Lowered(aliases=dict.fromkeys(layer.tops, layer.bottoms[0]))
