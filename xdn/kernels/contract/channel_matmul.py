"""MatMul of blobs whose channels are the rows of a matrix, such as the steps of a sequence, without heads.

For each panel of the top's channels, which are the rows m of the first matrix::

    for tile:                                              MR columns
        for i in range(inputs):
            acc[k] += b[i][k] * a[i]                       one fused multiply-add of a row
        y[k] = acc[k]

The last tile begins earlier, and computes again what the one before it has.
"""

from functools import partial

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target
from xdn.kernels.contract.panels import panel_tile, panels_of, tile_rows
from xdn.kernels.core.descriptor import Descriptor, Place, Size
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BOTH, Schedule
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase


class ChannelMatMul(Descriptor):
    """Elements of a position and of a block; what is summed over, columns, panels, and elements of a panel.

    b_step, b_column
        Elements from one element that is summed, and from one column, to the next.
    """

    a, b, y = Place(), Place(), Place()
    a_pitch, y_pitch, a_block, b_block, y_block = (Size() for _ in range(5))
    inputs, columns, panels, row, b_step, b_column = (Size() for _ in range(6))


def _body(name: KernelName, target: Target, schedule: Schedule) -> KernelBody:
    """Return the loops around the tile, as Numba compiles them."""
    assert name.tile is not None
    width, registers = name.tile
    tile = panel_tile(width, partial(VectorBuilder, target=target, registers=registers), schedule)

    def matmul(d, frame):
        inputs, columns, panels, row = d.inputs, d.columns, d.panels, d.row
        tiles = (columns + width - 1) // width
        begin, end = portion(frame, frame.blocks * panels * tiles)
        for unit in range(begin, end):
            part = unit // tiles
            block = part // panels
            lane = (part - block * panels) * row
            k = min((unit - part * tiles) * width, columns - width)
            b = at_element(frame, d.b, block * d.b_block + k * d.b_column)
            a = at_element(frame, d.a, block * d.a_block + lane)
            y = at_element(frame, d.y, block * d.y_block + k * d.y_pitch + lane)
            tile(b, a, y, inputs, d.b_step, d.b_column, d.a_pitch, d.y_pitch)

    return matmul


def _takes(lowering: Lowering) -> bool:
    """Return whether both have three axes, the first one's rows before what is summed over."""
    a, b = lowering.bottoms
    return len(a.shape) == len(b.shape) == 3 and a.shape[0] == b.shape[0] and not lowering.params.transpose_a


def _tiling(lowering: Lowering) -> tuple[int, int, int]:
    """Return the columns of a tile, registers of a row, and panels."""
    registers, panels = panels_of(lowering)
    return tile_rows(lowering.target, registers, lowering.tops[0].shape[2]), registers, panels


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what all tiles take."""
    width, registers, panels = _tiling(lowering)
    inputs, tiles = lowering.bottoms[0].shape[2], panels * -(-lowering.tops[0].shape[2] // width)
    step = lowering.target.rates.step(width, registers)
    return (Phase(tiles * inputs * step, (lowering.read, lowering.written), tiles),)


@family("channel_matmul", "MatMul", when=_takes, schedules=BOTH, phases=_phases)
def lower_channel_matmul(lowering: Lowering) -> Lowered:
    """Multiply matrices whose rows are channels."""
    layer, (width, registers, panels) = lowering.layer, _tiling(lowering)
    a, b, top = lowering.bottom(), lowering.bottom(1), lowering.top()
    inputs, columns = lowering.bottoms[0].shape[2], lowering.tops[0].shape[2]
    # Of (N, I, K) what is summed over is the channels, of (N, K, I) the columns are.
    b_step, b_column = b.images, b.position_elements
    if lowering.params.transpose_b:
        b_step, b_column = b_column, b_step
    words = ChannelMatMul(
        a=layer.bottoms[0],
        b=layer.bottoms[1],
        y=layer.tops[0],
        a_pitch=a.position_elements,
        y_pitch=top.position_elements,
        a_block=a.block_elements,
        b_block=b.block_elements,
        y_block=top.block_elements,
        inputs=inputs,
        columns=columns,
        panels=panels,
        row=registers * lowering.target.lanes,
        b_step=b_step,
        b_column=b_column,
    )
    name = KernelName(lowering.schedule.op("panel_matmul"), lowering.target.name, tile=(width, registers))
    source = kernel_source(name, partial(_body, name, lowering.target, lowering.schedule), ChannelMatMul)
    return Lowered([Step(source, words, macs=inputs * columns * lowering.tops[0].shape[1])])
