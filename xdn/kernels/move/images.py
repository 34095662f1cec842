"""Conversion at the edges: the caller's images into blocks, blocks into the caller's arrays."""

from dataclasses import dataclass

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, u8_at
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Step, words
from xdn.kernels.core.layout import ARENA, BLOCKS, FIRST_IMAGE, IMAGES, IO, B, BlockLayout

# Planes: N, C, H, W of f32. SLOT is the number of the caller's array among inputs and outputs.
BLOB, SLOT, CHANNELS, POSITIONS = range(4)
# Pixels: N, H, W, C of u8, of which a window is used.
WIDTH, IMAGE_BYTES, ROW_BYTES, FIRST_BYTE, MEAN, FACTOR = range(4, 10)


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
    mean: np.ndarray
    factor: np.ndarray

    def words(self, layout: BlockLayout) -> tuple[tuple[int, ...], tuple[np.ndarray, ...]]:
        """Return what a kernel is told of the pixels of a blob, and the arrays that it points to.

        The words are the window's width, bytes of an image and of a row, the window's first byte, and the addresses of
        the mean (C, H, W) and of the factors (C,).
        """
        mean = np.ascontiguousarray(
            np.broadcast_to(self.mean, (layout.channels, layout.height, layout.width)), np.float32
        )
        factor = np.ascontiguousarray(np.broadcast_to(self.factor, layout.channels), np.float32)
        top, left = self.origin
        row_bytes = self.width * layout.channels
        first = top * row_bytes + left * layout.channels
        sizes = (layout.width, self.height * row_bytes, row_bytes, first, address(mean), address(factor))
        return sizes, (mean, factor)


def _load_planes():
    def load_planes(desc, frame):
        channels, positions = desc[CHANNELS], desc[POSITIONS]
        size = channels * positions
        x = f32_at(frame[IO + desc[SLOT]] + frame[FIRST_IMAGE] * size * 4)
        for block in range(frame[BLOCKS]):
            y = f32_at(frame[ARENA] + desc[BLOB] + block * size * B * 4)
            valid = min(B, frame[IMAGES] - block * B)
            for position in range(positions):
                for c in range(channels):
                    at, source = (position * channels + c) * B, c * positions + position
                    for lane in range(valid):
                        y[at + lane] = x[(block * B + lane) * size + source]
                    for lane in range(valid, B):
                        y[at + lane] = np.float32(0)

    return load_planes


def _load_pixels():
    def load_pixels(desc, frame):
        channels, positions, width = desc[CHANNELS], desc[POSITIONS], desc[WIDTH]
        x = u8_at(frame[IO + desc[SLOT]] + frame[FIRST_IMAGE] * desc[IMAGE_BYTES] + desc[FIRST_BYTE])
        mean, factor = f32_at(desc[MEAN]), f32_at(desc[FACTOR])
        for block in range(frame[BLOCKS]):
            y = f32_at(frame[ARENA] + desc[BLOB] + block * channels * positions * B * 4)
            valid = min(B, frame[IMAGES] - block * B)
            for position in range(positions):
                pixel = (position // width) * desc[ROW_BYTES] + (position % width) * channels
                for c in range(channels):
                    at, m, a = (position * channels + c) * B, mean[c * positions + position], factor[c]
                    for lane in range(valid):
                        value = np.float32(x[(block * B + lane) * desc[IMAGE_BYTES] + pixel + c])
                        y[at + lane] = (value - m) * a
                    for lane in range(valid, B):
                        y[at + lane] = np.float32(0)

    return load_pixels


def _store_planes():
    def store_planes(desc, frame):
        channels, positions = desc[CHANNELS], desc[POSITIONS]
        size = channels * positions
        y = f32_at(frame[IO + desc[SLOT]] + frame[FIRST_IMAGE] * size * 4)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[BLOB] + block * size * B * 4)
            valid = min(B, frame[IMAGES] - block * B)
            for lane in range(valid):
                for c in range(channels):
                    for position in range(positions):
                        place = (block * B + lane) * size + c * positions + position
                        y[place] = x[(position * channels + c) * B + lane]

    return store_planes


def _planes(op: str, make, blob: str, slot: int, layout: BlockLayout, target: Target) -> Step:
    descriptor = words(4, {SLOT: slot, CHANNELS: layout.channels, POSITIONS: layout.positions})
    return Step(KernelSource(KernelName(op, target.name), make), descriptor, {BLOB: blob})


def load_planes(blob: str, slot: int, layout: BlockLayout, target: Target) -> Step:
    """Return the step that reads f32 (N, C, H, W) from the caller's array number `slot`."""
    return _planes("load_planes", _load_planes, blob, slot, layout, target)


def store_planes(blob: str, slot: int, layout: BlockLayout, target: Target) -> Step:
    """Return the step that writes f32 (N, C, H, W) to the caller's array number `slot`."""
    return _planes("store_planes", _store_planes, blob, slot, layout, target)


def load_pixels(blob: str, slot: int, layout: BlockLayout, target: Target, pixels: PixelSource) -> Step:
    """Return the step that reads u8 (N, H, W, C), crops, subtracts the mean and multiplies."""
    sizes, kept = pixels.words(layout)
    own = {SLOT: slot, CHANNELS: layout.channels, POSITIONS: layout.positions}
    own |= zip((WIDTH, IMAGE_BYTES, ROW_BYTES, FIRST_BYTE, MEAN, FACTOR), sizes, strict=True)
    source = KernelSource(KernelName("load_pixels", target.name), _load_pixels)
    return Step(source, words(10, own), {BLOB: blob}, kept)
