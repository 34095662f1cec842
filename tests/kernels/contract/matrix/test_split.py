"""Splitting blobs: the bits of NumPy's parts, at the places of the layout; zeros for padding, whatever is there."""

import numpy as np
import pytest

from xdn.codegen.loader import process_loader
from xdn.codegen.native import address, kernel_at
from xdn.codegen.target import target_named
from xdn.element import real
from xdn.kernels.contract.matrix.parts import parts_of
from xdn.kernels.contract.matrix.split import Splitting, split_step
from xdn.kernels.core.aligned import aligned_bytes
from xdn.kernels.core.frame import Frame
from xdn.kernels.core.layout import BATCH, CHANNEL, BlockLayout
from xdn.kernels.core.parts import PartsLayout, steps_of

TARGET = target_named("amx-emulated")
BLOCKS, HEIGHT, WIDTH = 2, 3, 2
#: Numbers whose parts are easily wrong, and NaN of which only the last bit tells.
SPECIAL = [np.inf, -np.inf, np.nan, 0.0, -0.0, 3.4028234e38, -3.3961775e38, 1 + 2.0**-8, 2 - 2.0**-23, 2.0**-126]


def _values(layout, rng):
    """Return (blocks, H, W, elements of a position) f32, all of which is given, also what is padding."""
    shape = BLOCKS, HEIGHT, WIDTH, layout.position_elements
    x = (rng.standard_normal(shape) * 2.0 ** rng.integers(-20, 20, shape)).astype(real)
    x.flat[: len(SPECIAL)] = SPECIAL
    x.view(np.uint32).flat[len(SPECIAL)] = 0x7F800001
    x.view(np.uint32).flat[len(SPECIAL) + 1] = 0xFFFFFFFF
    return x


def _run(layout, parts, x, members=1):
    """Return the elements of the blob's parts that the kernel writes; -1 where it does not."""
    step = split_step("x", layout, parts)
    given, taken = aligned_bytes(x.nbytes, 64).view(real), aligned_bytes(BLOCKS * parts.block_bytes, 64)
    given[:], taken[:] = x.ravel(), 0xFF
    words = step.words.copy()
    words[Splitting.x.slot], words[Splitting.y.slot] = 0, address(taken) - address(given)
    kernel = kernel_at(process_loader().address(step.source))
    for member in range(members):
        frame = Frame(arena=address(given), blocks=BLOCKS, member=member, members=members)
        kernel(words, frame.words)
    return taken.view(np.uint16).reshape(BLOCKS, parts.block_elements)


def _same(found, expected):
    """Assert equal bits, of NaN that both are."""
    nan = (expected & 0x7FFF) > 0x7F80
    np.testing.assert_array_equal((found & 0x7FFF) > 0x7F80, nan)
    np.testing.assert_array_equal(found[~nan], expected[~nan])


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("channels", [1, 2, 33, 64])
def test_batch(channels, count, rng):
    layout = BlockLayout(channels, HEIGHT, WIDTH, target=TARGET, schedule=BATCH)
    parts = PartsLayout.beside(layout, count)
    x, images = _values(layout, rng), TARGET.block_images
    expected = np.zeros((count, BLOCKS, HEIGHT, WIDTH, steps_of(channels) * 32, images), np.uint16)
    expected[..., :channels, :] = parts_of(x.reshape(BLOCKS, HEIGHT, WIDTH, channels, images), count)
    pairs = expected.reshape(count, BLOCKS, HEIGHT, WIDTH, -1, 16, 2, images)
    _same(_run(layout, parts, x), pairs.transpose(1, 2, 3, 4, 0, 5, 7, 6).reshape(BLOCKS, -1))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(("channels", "border"), [(1, (0, 0, 0, 0)), (16, (1, 2, 0, 3)), (40, (0, 0, 2, 0))])
@pytest.mark.parametrize("members", [1, 3])
def test_channel(channels, border, count, members, rng):
    layout = BlockLayout(channels, HEIGHT, WIDTH, target=TARGET, schedule=CHANNEL)
    parts = PartsLayout.beside(layout, count, border=border, room=(1, 5))
    x, steps = _values(layout, rng), steps_of(channels)
    expected = np.zeros((count, BLOCKS, parts.rows, parts.columns, steps * 32), np.uint16)
    above, _, left, _ = border
    expected[:, :, above : above + HEIGHT, left : left + WIDTH, :channels] = parts_of(x[..., :channels], count)
    expected = expected.reshape(*expected.shape[:4], steps, 32).transpose(1, 2, 3, 4, 0, 5)
    found = _run(layout, parts, x, members)
    inside = found[:, : parts.rows * parts.columns * parts.position_elements].reshape(
        BLOCKS, -1, parts.position_elements
    )
    used = steps * count * 32
    _same(inside[..., :used], expected.reshape(BLOCKS, -1, used))
    # What lies between positions and in the room after the last is nobody's.
    assert (inside[..., used:] == 0xFFFF).all()
    assert (found[:, inside[0].size :] == 0xFFFF).all()
