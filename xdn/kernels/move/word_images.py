"""The caller's images become integers of 8 bits, or bf16, on their way into a blob that is stored so.

Values are those of `xdn/kernels/move/images.py`; what is stored of them is `Quantized.stored` or `Bf16.stored`. A tile
is L neighbouring positions, as many as a vector has lanes; K channels make a word, four of 8 bits or two of bf16::

    for tile in tiles of positions:
        for word in words of channels:
            for i in images of the block:
                for k in range(K):
                    value[k] = x[i][channel k][positions of the tile]                           planes
                    value[k] = (x[i][positions of the tile][channel k] - mean) * factor         pixels
                row[i] = word of what is stored of the values
            y[positions of the tile][word][i] = the columns of the rows, L images at a time     batch schedule
            y[positions of the tile][word]    = the lanes of the only row                       channel schedule

The last tile of a row reaches back over the one before; where there are fewer than L positions, values go one by one.
What is padding gets integers of other images or channels, or keeps what was there; channels of bf16 get zeros.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from llvmlite import ir

from xdn.codegen.arithmetic import I32, concatenated
from xdn.codegen.conversion import Conversion
from xdn.codegen.intrinsics import at_element, bytes_at, moved, reals_at
from xdn.codegen.jit import I64, NUMBER, POINTER, U8_POINTER, VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.words import WORD, WordBuilder, quantized
from xdn.element import BF16, S8, U8, Element
from xdn.graph import Quantized, Reading
from xdn.kernels.core.descriptor import Number, Pointer, Size, over
from xdn.kernels.core.family import Step
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import stored_words
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
        Images that are there, and the number of the last channel that is, from the tile's first on.
    mean, mean_step, factor
        Those of the tile's first channel at the first position; from one channel's means to the next one's.
    inverse : f32
    y, pitch
        The word of the first position and image, and elements from one position to the next.
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
        b, lanes, together = self.b, self.b.target.lanes, self.layout.element.interleave
        places = [b.offset(self.y, b.ir.mul(self.pitch, b.const(position))) for position in range(lanes)]
        if self.layout.schedule is not BATCH:
            for number, words in enumerate(self._words(self.x)):
                for position, place in enumerate(places):
                    word, at = (
                        b.ir.extract_element(words, ir.Constant(I32, position)),
                        b.offset(place, number * together),
                    )
                    b.ir.store(word, b.ir.bitcast(at, I32.as_pointer())).align = 1
            return
        last = b.ir.sub(self.valid, b.const(1))

        def one_vector(first: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            rows = []
            for i in range(lanes):
                # Images that are not there become the last one that is.
                image = self._least(b.ir.add(b.ir.mul(first, b.const(lanes)), b.const(i)), last)
                rows.append(self._words(b.offset(self.x, b.ir.mul(image, self.image_step))))
            for number, words in enumerate(zip(*rows, strict=True)):
                at = b.ir.mul(first, b.const(lanes * together))
                at = b.ir.add(at, b.const(number * together * self.layout.images))
                for place, column in zip(places, b.transposed(words), strict=True):
                    b.store_words(column, b.offset(place, at))
            return carried

        b.loop(b.const(0), b.const(self.layout.images // lanes), [], one_vector)

    def _least(self, one: ir.Value, other: ir.Value) -> ir.Value:
        return self.b.ir.select(self.b.ir.icmp_signed("<", one, other), one, other)

    def _words(self, x: ir.Value) -> list[ir.Value]:
        """Return the words of an image, one or several."""
        b, element = self.b, self.layout.element
        values = self._planes(x) if self.pixel_channels is None else self._pixels(x)
        if element != BF16:
            inverse, signed = b.broadcast(self.inverse), element == S8
            integers = {value: quantized(b, value, inverse, signed) for value in values}
            return [b.joined_bytes([integers[value] for value in values])]
        pairs = zip(values[::2], values[1::2], range(0, len(values), 2), strict=True)
        return [b.joined([even, self._or_zero(odd, number + 1)], element) for even, odd, number in pairs]

    def _or_zero(self, value: ir.Value, k: int) -> ir.Value:
        """Return the value of a channel, or zero where that is not there."""
        return self.b.ir.select(self.b.ir.icmp_signed("<=", self.b.const(k), self.last), value, self.b.number(0))

    def _channel(self, k: int) -> ir.Value:
        """Return the number of a channel of the tile; one that is not there becomes the last one that is."""
        return self._least(self.b.const(k), self.last)

    def _planes(self, x: ir.Value) -> list[ir.Value]:
        b = self.b
        channels = [b.ir.mul(self._channel(k), self.channel_step) for k in range(tile_channels(self.layout, None))]
        return [b.load(b.offset(x, channel), aligned=False) for channel in channels]

    def _pixels(self, x: ir.Value) -> list[ir.Value]:
        b, values, made = self.b, [], tile_channels(self.layout, self.pixel_channels)
        whole = self._shuffled(x, self.pixel_channels) if self.pixel_channels else None
        for k in range(self.pixel_channels or made):
            channel = self._channel(k)
            integers = b.part(whole, k, U8) if whole else self._gathered(x, channel)
            mean = b.load(b.offset(self.mean, b.ir.mul(channel, self.mean_step)), aligned=False)
            factor = b.broadcast(b.scalar(self.factor, channel))
            values.append(b.mul(b.sub(b.rounded(integers), mean), factor))
        return (values + values[-1:] * made)[:made]

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


def tile_channels(layout: BlockLayout, pixel_channels: int | None) -> int:
    """Return the channels of a tile: those of a word, but all where pixels have few."""
    together = layout.element.interleave
    return -(-(pixel_channels or together) // together) * together


def _put(b: Conversion, pixels: bool, element: Element, args: Sequence[ir.Value]) -> None:
    """Emit what becomes of one value: pointers to it, its mean and its factor, the inverse, and its place."""
    x, mean, factor, inverse, y = args
    value = b.ir.load(x)
    if pixels:
        value = b.mul(b.sub(b.ir.uitofp(value, b.kind), b.ir.load(mean)), b.ir.load(factor))
    if element == BF16:
        b.ir.store(b.to_bf16(value), y)
    else:
        b.ir.store(b.ir.trunc(quantized(b, value, inverse, element == S8), ir.IntType(8)), y)


def _body(layout: BlockLayout, pixel_channels: int | None) -> KernelBody:
    """Return the loops around tiles."""
    pixels, lanes, images = pixel_channels is not None, layout.target.lanes, layout.images
    together, channels_of_tile = layout.element.interleave, tile_channels(layout, pixel_channels)
    zeroed = layout.element == BF16
    source, pointer = (bytes_at, U8_POINTER) if pixels else (reals_at, POINTER)
    byte_pointer = Kind(layout.element, "pointer")

    @emitted(VOID, pointer, *[I64] * 5, POINTER, I64, POINTER, NUMBER, byte_pointer, I64)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _Tile(WordBuilder(irbuilder, layout.target), layout, pixel_channels, *args).emit()

    @emitted(VOID, pointer, POINTER, POINTER, NUMBER, byte_pointer)
    def put(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _put(Conversion(irbuilder, 0, layout.target), pixels, layout.element, args)

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
                for c in range(0, channels, channels_of_tile):
                    own = moved(x, row * d.row_step + first * step + c * channel_step)
                    y = at_element(frame, d.blob, (block * positions + at) * pitch + c * images)
                    last, means, factors = channels - 1 - c, moved(mean, c * positions + at), moved(factor, c)
                    if columns >= lanes:
                        steps = (image_step, step, channel_step)
                        tile(own, *steps, valid, last, means, positions, factors, inverse, y, pitch)
                        continue
                    for p in range(columns):
                        for k in range(min(channels_of_tile, last + 1)):
                            own_mean, own_factor = moved(means, k * positions + p), moved(factors, k)
                            place = p * pitch + k // together * together * images + k % together
                            for i in range(valid):
                                value = moved(own, i * image_step + p * step + k * channel_step)
                                put(value, own_mean, own_factor, inverse, moved(y, place + i * together))
                if not zeroed:
                    continue
                # Tiles fill words.
                stored = channels if columns < lanes else (channels + together - 1) // together * together
                y = at_element(frame, d.blob, (block * positions + at) * pitch)
                for p in range(min(lanes, columns)):
                    for c in range(stored, pitch // images):
                        place = p * pitch + c // together * together * images + c % together
                        for i in range(images):
                            y[place + i * together] = 0

    return load


def _step(blob: str, array: int, layout: BlockLayout, how: Reading, pixel_channels: int | None, **own: Any) -> Step:
    """Return the step between the caller's array of a number and a blob."""
    op = "quantize_planes" if pixel_channels is None else f"quantize_pixels{pixel_channels or ''}"
    parts = stored_words(layout.element, layout.element, layout.target) if layout.element == BF16 else ()
    name = KernelName(layout.schedule.op(op), layout.target.name, parts, element=layout.element)
    source = kernel_source(name, partial(_body, layout, pixel_channels), over(Images, layout.element))
    sizes = {"channels": layout.channels, "positions": layout.positions, "pitch": layout.position_elements}
    inverse = how.inverse if isinstance(how, Quantized) else 0.0
    return Step(source, Images(blob=blob, array=array, inverse=inverse, **sizes, **own))


def quantize_planes(blob: str, array: int, layout: BlockLayout, how: Reading) -> Step:
    """Return the step that reads (N, C, H, W) f32 from the caller's array of a number into a blob that is stored so."""
    steps = {"step": 1, "channel_step": layout.positions, "image_step": layout.channels * layout.positions}
    return _step(blob, array, layout, how, None, rows=1, columns=layout.positions, **steps)


def quantize_pixels(blob: str, array: int, layout: BlockLayout, how: Reading, pixels: PixelSource) -> Step:
    """Return the step that reads u8 (N, H, W, C), crops, subtracts the mean and multiplies, into such a blob."""
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
