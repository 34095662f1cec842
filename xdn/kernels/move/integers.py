"""The caller's images become integers of 8 bits on their way into a blob that is stored so.

Values are those of `xdn/kernels/move/images.py`; `Quantized.stored` of them is stored. A tile is L neighbouring
positions, as many as a vector has lanes::

    for tile in tiles of positions:
        for word in words of four channels:
            for i in images of the block:
                for k in range(4):
                    value[k] = x[i][channel k][positions of the tile]                           planes
                    value[k] = (x[i][positions of the tile][channel k] - mean) * factor         pixels
                row[i] = word of the integers of the four values
            y[positions of the tile][word][i] = the columns of the rows, L images at a time     batch schedule
            y[positions of the tile][word]    = the lanes of the only row                       channel schedule

The last tile of a row reaches back over the one before; where there are fewer than L positions, values go one by one.
What is padding gets integers of other images or channels, or keeps what was there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from llvmlite import ir

from xdn.codegen.arithmetic import I32, Arithmetic
from xdn.codegen.intrinsics import at_element, bytes_at, moved, reals_at
from xdn.codegen.jit import I64, NUMBER, POINTER, U8_POINTER, VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.words import WORD, WordBuilder, concatenated, quantized
from xdn.element import S8, U8
from xdn.graph import Quantized
from xdn.kernels.core.descriptor import Number, Pointer, Size, over
from xdn.kernels.core.family import Step
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH, BlockLayout
from xdn.kernels.core.portion import portion
from xdn.kernels.move.images import PixelSource, Planes


class Images(Planes):
    """Where a value is in the caller's array: elements from image to image, row to row, position to position, channel
    to channel, and before the first one; rows, and positions of each.

    mean, factor
        Of pixels: (C, H, W) and (C,).
    inverse
        The reciprocal of the integers' scale.
    """

    image_step, row_step, step, channel_step, begin, rows, columns = (Size() for _ in range(7))
    mean, factor = Pointer(), Pointer()
    inverse = Number()


#: The most channels of pixels whose bytes are shuffled into words; of others they are taken one by one.
_SHUFFLED = WORD


@dataclass(frozen=True)
class _Tile:
    """What a tile is told: the positions from `x` on; see `Images` for the steps.

    Parameters
    ----------
    b : WordBuilder
    layout : BlockLayout
        Of the blob.
    pixel_channels : int, optional
        Of pixels, 0 for any number of them; None for planes.
    valid, last : i64
        Images that are there, and the number of the word's last channel that is, from 0 on.
    mean, mean_step, factor
        Those of the word's first channel at the first position; from one channel's means to the next one's.
    inverse : f32
    y, pitch
        The word of the first position and image, and bytes from one position to the next.
    """

    b: WordBuilder
    layout: BlockLayout
    pixel_channels: int | None
    x: ir.Value
    image_step: ir.Value
    step: ir.Value
    channel_step: ir.Value
    valid: ir.Value
    last: ir.Value
    mean: ir.Value
    mean_step: ir.Value
    factor: ir.Value
    inverse: ir.Value
    y: ir.Value
    pitch: ir.Value

    def emit(self) -> None:
        """Emit the tile."""
        b, lanes = self.b, self.b.target.lanes
        places = [b.offset(self.y, b.ir.mul(self.pitch, b.const(position))) for position in range(lanes)]
        if self.layout.schedule is not BATCH:
            words = self._words(self.x)
            for position, place in enumerate(places):
                word = b.ir.extract_element(words, ir.Constant(I32, position))
                b.ir.store(word, b.ir.bitcast(place, I32.as_pointer())).align = 1
            return
        last = b.ir.sub(self.valid, b.const(1))

        def one_vector(first: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            rows = []
            for i in range(lanes):
                # Images that are not there become the last one that is.
                image = self._least(b.ir.add(b.ir.mul(first, b.const(lanes)), b.const(i)), last)
                rows.append(self._words(b.offset(self.x, b.ir.mul(image, self.image_step))))
            at = b.ir.mul(first, b.const(lanes * WORD))
            for place, column in zip(places, b.transposed(rows), strict=True):
                b.store_words(column, b.offset(place, at))
            return carried

        b.loop(b.const(0), b.const(self.layout.images // lanes), [], one_vector)

    def _least(self, one: ir.Value, other: ir.Value) -> ir.Value:
        return self.b.ir.select(self.b.ir.icmp_signed("<", one, other), one, other)

    def _words(self, x: ir.Value) -> ir.Value:
        """Return the words of an image."""
        b = self.b
        values = self._planes(x) if self.pixel_channels is None else self._pixels(x)
        inverse, signed = b.broadcast(self.inverse), self.layout.element == S8
        integers = {value: quantized(b, value, inverse, signed) for value in values}
        return b.joined_bytes([integers[value] for value in values])

    def _channel(self, k: int) -> ir.Value:
        """Return the number of a channel of the word; one that is not there becomes the last one that is."""
        return self._least(self.b.const(k), self.last)

    def _planes(self, x: ir.Value) -> list[ir.Value]:
        b = self.b
        channels = [b.ir.mul(self._channel(k), self.channel_step) for k in range(WORD)]
        return [b.load(b.offset(x, channel), aligned=False) for channel in channels]

    def _pixels(self, x: ir.Value) -> list[ir.Value]:
        b, values = self.b, []
        whole = self._shuffled(x, self.pixel_channels) if self.pixel_channels else None
        for k in range(self.pixel_channels or WORD):
            channel = self._channel(k)
            integers = b.part(whole, k, U8) if whole else self._gathered(x, channel)
            mean = b.load(b.offset(self.mean, b.ir.mul(channel, self.mean_step)), aligned=False)
            factor = b.broadcast(b.scalar(self.factor, channel))
            values.append(b.mul(b.sub(b.rounded(integers), mean), factor))
        return (values + values[-1:] * WORD)[:WORD]

    def _shuffled(self, x: ir.Value, channels: int) -> ir.Value:
        """Return words of the bytes of neighbouring pixels, four pixels at a time."""
        b, count = self.b, WORD * channels
        kind = ir.VectorType(ir.IntType(8), count)
        places = [channels * p + min(c, channels - 1) for p in range(WORD) for c in range(WORD)]
        parts = []
        for first in range(0, b.target.lanes, WORD):
            loaded = b.ir.load(b.ir.bitcast(b.offset(x, first * channels), kind.as_pointer()))
            loaded.align = 1
            words = b.ir.shuffle_vector(loaded, loaded, ir.Constant(ir.VectorType(I32, 4 * WORD), places))
            parts.append(b.ir.bitcast(words, ir.VectorType(I32, WORD)))
        return concatenated(b.ir, parts)

    def _gathered(self, x: ir.Value, channel: ir.Value) -> ir.Value:
        """Return the bytes of one channel of neighbouring pixels as i32."""
        b = self.b
        found = ir.Constant(ir.VectorType(ir.IntType(8), b.target.lanes), ir.Undefined)
        for position in range(b.target.lanes):
            byte = b.scalar(x, b.ir.add(b.ir.mul(self.step, b.const(position)), channel))
            found = b.ir.insert_element(found, byte, ir.Constant(I32, position))
        return b.ir.zext(found, ir.VectorType(I32, b.target.lanes))


def _put(m: Arithmetic, pixels: bool, signed: bool, args: Sequence[ir.Value]) -> None:
    """Emit what becomes of one value: pointers to it, its mean and its factor, the inverse, and its place."""
    x, mean, factor, inverse, y = args
    value = m.ir.load(x)
    if pixels:
        value = m.mul(m.sub(m.ir.uitofp(value, m.kind), m.ir.load(mean)), m.ir.load(factor))
    m.ir.store(m.ir.trunc(quantized(m, value, inverse, signed), ir.IntType(8)), y)


def _body(layout: BlockLayout, pixel_channels: int | None) -> KernelBody:
    """Return the loops around tiles."""
    pixels, lanes, images = pixel_channels is not None, layout.target.lanes, layout.images
    source, pointer = (bytes_at, U8_POINTER) if pixels else (reals_at, POINTER)
    byte_pointer = Kind(layout.element, "pointer")

    @emitted(VOID, pointer, *[I64] * 5, POINTER, I64, POINTER, NUMBER, byte_pointer, I64)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _Tile(WordBuilder(irbuilder, layout.target), layout, pixel_channels, *args).emit()

    @emitted(VOID, pointer, POINTER, POINTER, NUMBER, byte_pointer)
    def put(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _put(Arithmetic(irbuilder), pixels, layout.element == S8, args)

    def load(d, frame):
        channels, positions, columns, pitch = d.channels, d.positions, d.columns, d.pitch
        image_step, step, channel_step = d.image_step, d.step, d.channel_step
        mean, factor, inverse = d.mean, d.factor, d.inverse
        tiles = (columns + lanes - 1) // lanes
        begin, end = portion(frame, d.rows * tiles)
        for block in range(frame.blocks):
            valid = min(images, frame.images - block * images)
            x = moved(source(frame, d.array), (frame.first_image + block * images) * image_step + d.begin)
            for unit in range(begin, end):
                row = unit // tiles
                first = min((unit - row * tiles) * lanes, max(columns - lanes, 0))
                at = row * columns + first
                for c in range(0, channels, WORD):
                    own = moved(x, row * d.row_step + first * step + c * channel_step)
                    y = at_element(frame, d.blob, (block * positions + at) * pitch + c * images)
                    last, means, factors = channels - 1 - c, moved(mean, c * positions + at), moved(factor, c)
                    if columns >= lanes:
                        steps = (image_step, step, channel_step)
                        tile(own, *steps, valid, last, means, positions, factors, inverse, y, pitch)
                        continue
                    for p in range(columns):
                        for k in range(min(WORD, last + 1)):
                            own_mean, own_factor = moved(means, k * positions + p), moved(factors, k)
                            for i in range(valid):
                                value = moved(own, i * image_step + p * step + k * channel_step)
                                put(value, own_mean, own_factor, inverse, moved(y, p * pitch + i * WORD + k))

    return load


def _step(blob: str, array: int, layout: BlockLayout, how: Quantized, pixel_channels: int | None, **own: Any) -> Step:
    """Return the step between the caller's array of a number and a blob."""
    op = "quantize_planes" if pixel_channels is None else f"quantize_pixels{pixel_channels or ''}"
    name = KernelName(layout.schedule.op(op), layout.target.name, element=layout.element)
    source = kernel_source(name, partial(_body, layout, pixel_channels), over(Images, layout.element))
    sizes = {"channels": layout.channels, "positions": layout.positions, "pitch": layout.position_elements}
    return Step(source, Images(blob=blob, array=array, inverse=how.inverse, **sizes, **own))


def quantize_planes(blob: str, array: int, layout: BlockLayout, how: Quantized) -> Step:
    """Return the step that reads (N, C, H, W) f32 from the caller's array of a number into a blob of integers."""
    steps = {"step": 1, "channel_step": layout.positions, "image_step": layout.channels * layout.positions}
    return _step(blob, array, layout, how, None, rows=1, columns=layout.positions, **steps)


def quantize_pixels(blob: str, array: int, layout: BlockLayout, how: Quantized, pixels: PixelSource) -> Step:
    """Return the step that reads u8 (N, H, W, C), crops, subtracts the mean and multiplies, into a blob of integers."""
    channels, told = layout.channels, pixels.told(layout)
    # Rows that are used whole follow each other, as one.
    joined = layout.width == pixels.width
    return _step(
        blob,
        array,
        layout,
        how,
        channels if channels <= _SHUFFLED else 0,
        rows=1 if joined else layout.height,
        columns=layout.positions if joined else layout.width,
        image_step=told["image_bytes"],
        row_step=told["row_bytes"],
        begin=told["first_byte"],
        step=channels,
        channel_step=1,
        mean=told["mean"],
        factor=told["factor"],
    )
