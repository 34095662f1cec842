"""Conversion at the edges: the caller's images into blocks or positions of channels, and back into the caller's arrays.

::

    for image, channel, position:
        y[place of these] = x[image][channel][position]                              planes: (N, C, H, W)
        y[place of these] = (x[image][position][channel] - mean) * factor            pixels: (N, H, W, C) u8
        x[image][channel][position] = y[place of these]                              what a run gives

What is padding, of images or of channels, gets zeros. Threads share the positions, or channels, of an image.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xdn.codegen.intrinsics import argument_at, at_element, bytes_at, moved
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.element import real
from xdn.graph import Array
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size, over
from xdn.kernels.core.family import Step
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH, BlockLayout
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Moved, Phase


class Planes(Descriptor):
    """The caller's array by its number, and how an image lies in the blob: elements from one position to the next.

    together
        Channels of an image that lie together.
    """

    blob = Place()
    array, channels, positions, pitch, together = (Size() for _ in range(5))


class Pixels(Planes):
    """The window of an image that is used: its width, its first byte; bytes of an image and of a row.

    mean, factor
        (C, H, W) of the window, (C,).
    """

    width, image_bytes, row_bytes, first_byte = (Size() for _ in range(4))
    mean, factor = Pointer(), Pointer()


@dataclass(frozen=True, eq=False)
class PixelSource:
    """Images of u8 (N, H, W, C), and what becomes of a pixel: (x - mean) * factor.

    Parameters
    ----------
    height, width : int
        Size of the stored images.
    origin : (int, int)
        Top and left of the window that is used.
    mean : (C, 1, 1) or (C, h, w) f32
        Of the window.
    factor : (C,) f32
    """

    height: int
    width: int
    origin: tuple[int, int]
    mean: Array
    factor: Array

    def told(self, layout: BlockLayout) -> dict[str, Any]:
        """Return what `Pixels` says of the pixels of a blob."""
        extents, (top, left) = (layout.channels, layout.height, layout.width), self.origin
        row_bytes = self.width * layout.channels
        return {
            "width": layout.width,
            "image_bytes": self.height * row_bytes,
            "row_bytes": row_bytes,
            "first_byte": top * row_bytes + left * layout.channels,
            "mean": np.ascontiguousarray(np.broadcast_to(self.mean, extents), real),
            "factor": np.ascontiguousarray(np.broadcast_to(self.factor, layout.channels), real),
        }


def _planes_to_blocks(images: int) -> KernelBody:
    def load_planes(d, frame):
        channels, positions = d.channels, d.positions
        size = channels * positions
        x = moved(argument_at(frame, d.array, d.blob), frame.first_image * size)
        for block in range(frame.blocks):
            y = at_element(frame, d.blob, block * size * images)
            valid = min(images, frame.images - block * images)
            for position in range(positions):
                for c in range(channels):
                    first, source = (position * channels + c) * images, c * positions + position
                    for i in range(valid):
                        y[first + i] = x[(block * images + i) * size + source]
                    for i in range(valid, images):
                        y[first + i] = 0

    return load_planes


def _planes_to_interleaved(images: int) -> KernelBody:
    def load_planes(d, frame):
        channels, positions, pitch, together = d.channels, d.positions, d.pitch, d.together
        size, padded = channels * positions, pitch // images
        x = moved(argument_at(frame, d.array, d.blob), frame.first_image * size)
        for block in range(frame.blocks):
            valid = frame.images - block * images
            for position in range(positions):
                y = at_element(frame, d.blob, (block * positions + position) * pitch)
                for c in range(padded):
                    first = c // together * together * images + c % together
                    for i in range(images):
                        given = i < valid and c < channels
                        source = (block * images + i) * size + c * positions + position
                        y[first + i * together] = x[source] if given else 0

    return load_planes


def _planes_to_channels(images: int) -> KernelBody:
    def load_planes(d, frame):
        channels, positions, pitch = d.channels, d.positions, d.pitch
        begin, end = portion(frame, positions)
        for block in range(frame.blocks):
            image = (frame.first_image + block) * channels * positions
            x = moved(argument_at(frame, d.array, d.blob), image)
            y = at_element(frame, d.blob, block * positions * pitch)
            if pitch == 3:
                # Colours: a loop that the compiler turns into vectors and their shuffles.
                for position in range(begin, end):
                    y[position * 3] = x[position]
                    y[position * 3 + 1] = x[positions + position]
                    y[position * 3 + 2] = x[2 * positions + position]
                continue
            for position in range(begin, end):
                for c in range(channels):
                    y[position * pitch + c] = x[c * positions + position]
                for c in range(channels, pitch):
                    y[position * pitch + c] = 0

    return load_planes


def _pixels_to_blocks(images: int) -> KernelBody:
    def load_pixels(d, frame):
        channels, positions, width, mean, factor = d.channels, d.positions, d.width, d.mean, d.factor
        x = moved(bytes_at(frame, d.array), frame.first_image * d.image_bytes + d.first_byte)
        for block in range(frame.blocks):
            y = at_element(frame, d.blob, block * channels * positions * images)
            valid = min(images, frame.images - block * images)
            for position in range(positions):
                pixel = (position // width) * d.row_bytes + (position % width) * channels
                for c in range(channels):
                    first, m, a = (position * channels + c) * images, mean[c * positions + position], factor[c]
                    for i in range(valid):
                        value = real(x[(block * images + i) * d.image_bytes + pixel + c])
                        y[first + i] = (value - m) * a
                    for i in range(valid, images):
                        y[first + i] = 0

    return load_pixels


def _pixels_to_channels(images: int) -> KernelBody:
    def load_pixels(d, frame):
        channels, positions, pitch, width = d.channels, d.positions, d.pitch, d.width
        mean, factor = d.mean, d.factor
        begin, end = portion(frame, positions)
        for block in range(frame.blocks):
            image = (frame.first_image + block) * d.image_bytes + d.first_byte
            x = moved(bytes_at(frame, d.array), image)
            y = at_element(frame, d.blob, block * positions * pitch)
            for position in range(begin, end):
                pixel = (position // width) * d.row_bytes + (position % width) * channels
                for c in range(channels):
                    value = real(x[pixel + c])
                    y[position * pitch + c] = (value - mean[c * positions + position]) * factor[c]
                for c in range(channels, pitch):
                    y[position * pitch + c] = 0

    return load_pixels


def _planes_of_blocks(images: int) -> KernelBody:
    def store_planes(d, frame):
        channels, positions = d.channels, d.positions
        size = channels * positions
        y = moved(argument_at(frame, d.array, d.blob), frame.first_image * size)
        for block in range(frame.blocks):
            x = at_element(frame, d.blob, block * size * images)
            valid = min(images, frame.images - block * images)
            for i in range(valid):
                for c in range(channels):
                    for position in range(positions):
                        place = (block * images + i) * size + c * positions + position
                        y[place] = x[(position * channels + c) * images + i]

    return store_planes


def _planes_of_interleaved(images: int) -> KernelBody:
    def store_planes(d, frame):
        channels, positions, pitch, together = d.channels, d.positions, d.pitch, d.together
        size = channels * positions
        y = moved(argument_at(frame, d.array, d.blob), frame.first_image * size)
        for block in range(frame.blocks):
            x = at_element(frame, d.blob, block * positions * pitch)
            valid = min(images, frame.images - block * images)
            for i in range(valid):
                for c in range(channels):
                    first = c // together * together * images + c % together + i * together
                    for position in range(positions):
                        place = (block * images + i) * size + c * positions + position
                        y[place] = x[position * pitch + first]

    return store_planes


def _planes_of_channels(images: int) -> KernelBody:
    def store_planes(d, frame):
        channels, positions, pitch = d.channels, d.positions, d.pitch
        begin, end = portion(frame, channels)
        for block in range(frame.blocks):
            image = (frame.first_image + block) * channels * positions
            y = moved(argument_at(frame, d.array, d.blob), image)
            x = at_element(frame, d.blob, block * positions * pitch)
            for c in range(begin, end):
                for position in range(positions):
                    y[c * positions + position] = x[position * pitch + c]

    return store_planes


#: Images of a block -> body.
Body = Callable[[int], KernelBody]
#: Cycles of a value, of the batch schedule, where its images lie far apart, and of the channel schedule.
_CYCLES = {"load_planes": (10.0, 0.8), "quantize_planes": (1.5, 1.5), "store_planes": (5.5, 6.5)}
#: By operation, of the batch schedule where several channels lie together.
_INTERLEAVED: dict[str, Body] = {"load_planes": _planes_to_interleaved, "store_planes": _planes_of_interleaved}
#: By operation, of the batch schedule and of the channel schedule.
_BODIES: dict[str, tuple[Body, Body]] = {
    "load_planes": (_planes_to_blocks, _planes_to_channels),
    "load_pixels": (_pixels_to_blocks, _pixels_to_channels),
    "store_planes": (_planes_of_blocks, _planes_of_channels),
}


def _step(op: str, words: type[Planes], blob: str, array: int, layout: BlockLayout, **own: Any) -> Step:
    """Return the step between a blob and the caller's array of a number."""
    together = layout.interleave
    body = _INTERLEAVED[op] if together > 1 else _BODIES[op][0 if layout.schedule is BATCH else 1]
    sizes = {"channels": layout.channels, "positions": layout.positions, "pitch": layout.position_elements}
    sizes["together"] = together
    name = KernelName(layout.schedule.op(op), layout.target.name, element=layout.element)
    source = kernel_source(name, lambda: body(layout.images), over(words, layout.element))
    return Step(source, words(blob=blob, array=array, **sizes, **own))


def conversion_phases(op: str, layout: BlockLayout) -> tuple[Phase, ...]:
    """Return what ``"load_planes"`` or another conversion takes, and about what u8 images do."""
    cycles = _CYCLES[op][0 if layout.schedule is BATCH else 1]
    moved = 2.0 * layout.block_bytes
    # Padding of integers is left as it is.
    values = layout.channels * layout.positions * layout.images if op == "quantize_planes" else layout.block_elements
    return (Phase(cycles * values, (Moved(moved, moved),)),)


def load_planes(blob: str, array: int, layout: BlockLayout) -> Step:
    """Return the step that reads (N, C, H, W) from the caller's array of a number."""
    return _step("load_planes", Planes, blob, array, layout)


def store_planes(blob: str, array: int, layout: BlockLayout) -> Step:
    """Return the step that writes (N, C, H, W) to the caller's array of a number."""
    return _step("store_planes", Planes, blob, array, layout)


def load_pixels(blob: str, array: int, layout: BlockLayout, pixels: PixelSource) -> Step:
    """Return the step that reads u8 (N, H, W, C), crops, subtracts the mean and multiplies."""
    return _step("load_pixels", Pixels, blob, array, layout, **pixels.told(layout))
