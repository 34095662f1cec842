"""Conversion at the edges of the channel schedule: the caller's images into positions of channels, and back."""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, u8_at
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target
from xdn.kernels.core.family import Step, words
from xdn.kernels.core.layout import ARENA, BLOCKS, FIRST_IMAGE, IO, BlockLayout
from xdn.kernels.core.portion import portion
from xdn.kernels.move.images import PixelSource

# Planes: N, C, H, W of f32. SLOT is the number of the caller's array among inputs and outputs, PITCH the elements from
# one position to the next.
BLOB, SLOT, CHANNELS, POSITIONS, PITCH = range(5)
# Pixels: N, H, W, C of u8, of which a window is used.
WIDTH, IMAGE_BYTES, ROW_BYTES, FIRST_BYTE, MEAN, FACTOR = range(5, 11)


def _load_planes():
    def load_planes(desc, frame):
        channels, positions, pitch = desc[CHANNELS], desc[POSITIONS], desc[PITCH]
        first, end = portion(frame, positions)
        for block in range(frame[BLOCKS]):
            image = (frame[FIRST_IMAGE] + block) * channels * positions * 4
            x = f32_at(frame[IO + desc[SLOT]] + image)
            y = f32_at(frame[ARENA] + desc[BLOB] + block * positions * pitch * 4)
            if pitch == 3:
                # Colours: a loop that the compiler turns into vectors and their shuffles.
                for position in range(first, end):
                    y[position * 3] = x[position]
                    y[position * 3 + 1] = x[positions + position]
                    y[position * 3 + 2] = x[2 * positions + position]
                continue
            for position in range(first, end):
                for c in range(channels):
                    y[position * pitch + c] = x[c * positions + position]
                for c in range(channels, pitch):
                    y[position * pitch + c] = np.float32(0)

    return load_planes


def _load_pixels():
    def load_pixels(desc, frame):
        channels, positions, pitch, width = desc[CHANNELS], desc[POSITIONS], desc[PITCH], desc[WIDTH]
        mean, factor = f32_at(desc[MEAN]), f32_at(desc[FACTOR])
        first, end = portion(frame, positions)
        for block in range(frame[BLOCKS]):
            image = (frame[FIRST_IMAGE] + block) * desc[IMAGE_BYTES] + desc[FIRST_BYTE]
            x = u8_at(frame[IO + desc[SLOT]] + image)
            y = f32_at(frame[ARENA] + desc[BLOB] + block * positions * pitch * 4)
            for position in range(first, end):
                pixel = (position // width) * desc[ROW_BYTES] + (position % width) * channels
                for c in range(channels):
                    value = np.float32(x[pixel + c])
                    y[position * pitch + c] = (value - mean[c * positions + position]) * factor[c]
                for c in range(channels, pitch):
                    y[position * pitch + c] = np.float32(0)

    return load_pixels


def _store_planes():
    def store_planes(desc, frame):
        channels, positions, pitch = desc[CHANNELS], desc[POSITIONS], desc[PITCH]
        first, end = portion(frame, channels)
        for block in range(frame[BLOCKS]):
            y = f32_at(frame[IO + desc[SLOT]] + (frame[FIRST_IMAGE] + block) * channels * positions * 4)
            x = f32_at(frame[ARENA] + desc[BLOB] + block * positions * pitch * 4)
            for c in range(first, end):
                for position in range(positions):
                    y[c * positions + position] = x[position * pitch + c]

    return store_planes


def _planes(op: str, make, blob: str, slot: int, layout: BlockLayout, target: Target) -> Step:
    sizes = {CHANNELS: layout.channels, POSITIONS: layout.positions, PITCH: layout.position_elements}
    source = KernelSource(KernelName(f"channel_{op}", target.name), make)
    return Step(source, words(5, sizes | {SLOT: slot}), {BLOB: blob})


def load_planes(blob: str, slot: int, layout: BlockLayout, target: Target) -> Step:
    """Return the step that reads f32 (N, C, H, W) from the caller's array number `slot`."""
    return _planes("load_planes", _load_planes, blob, slot, layout, target)


def store_planes(blob: str, slot: int, layout: BlockLayout, target: Target) -> Step:
    """Return the step that writes f32 (N, C, H, W) to the caller's array number `slot`."""
    return _planes("store_planes", _store_planes, blob, slot, layout, target)


def load_pixels(blob: str, slot: int, layout: BlockLayout, target: Target, pixels: PixelSource) -> Step:
    """Return the step that reads u8 (N, H, W, C), crops, subtracts the mean and multiplies."""
    sizes, kept = pixels.words(layout)
    own = {
        SLOT: slot,
        CHANNELS: layout.channels,
        POSITIONS: layout.positions,
        PITCH: layout.position_elements,
    }
    own |= zip((WIDTH, IMAGE_BYTES, ROW_BYTES, FIRST_BYTE, MEAN, FACTOR), sizes, strict=True)
    source = KernelSource(KernelName("channel_load_pixels", target.name), _load_pixels)
    return Step(source, words(11, own), {BLOB: blob}, kept)
