"""The layout of blobs: which axes become height and width, and how large a block is."""

import numpy as np
import pytest

from xdn import settings
from xdn.codegen.target import TARGETS, target_named
from xdn.element import BF16, F32, F64, S8, U8
from xdn.errors import UnsupportedError
from xdn.graph import Blob
from xdn.kernels.core.layout import BATCH, CHANNEL, BlockLayout

TARGET = TARGETS[0]


@pytest.mark.parametrize(
    ("shape", "extents"),
    [
        ((7,), (1,)),
        ((7, 3), (3,)),
        ((7, 3, 4), (3, 4)),
        ((7, 3, 4, 5), (3, 4, 5)),
        ((7, 3, 4, 5, 6), (3, 4, 30)),
        ((7, 3, 4, 5, 6, 2), (3, 4, 60)),
    ],
)
def test_axes(shape, extents):
    assert BlockLayout.of(Blob(shape), TARGET) == BlockLayout(*extents, target=TARGET)


def test_a_blob_without_axes_has_no_batch():
    with pytest.raises(UnsupportedError, match="no batch axis"):
        BlockLayout.of(Blob(()), TARGET)


@pytest.mark.parametrize(("name", "images"), [("avx512f", 32), ("avx2", 16), ("neon", 8), ("portable", 8)])
def test_a_block_holds_the_images_of_the_target(name, images):
    layout = BlockLayout(3, 4, 5, target=target_named(name))
    assert (layout.images, layout.positions, layout.position_elements) == (images, 20, 3 * images)
    assert (layout.block_elements, layout.block_bytes) == (60 * images, 240 * images)


@pytest.mark.parametrize(("name", "padded"), [("avx512f", 16), ("avx2", 8), ("neon", 4), ("portable", 4)])
def test_channels_are_padded_to_vectors_of_the_target(name, padded):
    layout = BlockLayout(3, 4, 5, target=target_named(name), schedule=CHANNEL)
    assert (layout.images, layout.position_elements, layout.block_bytes) == (1, padded, 80 * padded)
    exact = BlockLayout(3, 4, 5, target=target_named(name), schedule=CHANNEL, exact=True)
    assert (exact.position_elements, exact.block_bytes) == (3, 240)


@pytest.mark.parametrize("schedule", [BATCH, CHANNEL], ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("element", [F32, BF16, U8, F64], ids=lambda element: element.name)
def test_bytes_are_those_of_the_element(element, schedule):
    layout = BlockLayout(TARGET.vector_bytes, target=TARGET, schedule=schedule, element=element)
    assert layout.lanes * element.bytes == TARGET.vector_bytes
    assert layout.block_bytes == TARGET.vector_bytes * schedule.block_images(TARGET) * element.bytes
    one = BlockLayout(1, target=TARGET, schedule=CHANNEL, element=element)
    assert one.block_bytes == TARGET.vector_bytes


@pytest.mark.parametrize("element", [U8, S8], ids=lambda element: element.name)
def test_four_channels_of_8_bits_lie_together(element):
    layout = BlockLayout(5, 2, 3, target=target_named("avx2"), element=element)
    assert (layout.interleave, layout.position_elements, layout.block_bytes) == (4, 8 * 16, 6 * 8 * 16)
    # [H][W][C/4][B][4]: every place is one value's, those of the three channels after the last are padding.
    places = np.empty((6, 2, 16, 4), np.int64)
    for position, channel, image in np.ndindex(6, 5, 16):
        places[position, channel // 4, image, channel % 4] = layout.place(position, channel) + 4 * image
    valid = np.arange(8).reshape(1, 2, 1, 4) < 5
    np.testing.assert_array_equal(places, np.where(valid, np.arange(768).reshape(places.shape), places))
    by_channels = BlockLayout(5, 2, 3, target=target_named("avx2"), element=element, schedule=CHANNEL)
    assert (by_channels.interleave, by_channels.position_elements, by_channels.place(1, 3)) == (1, 32, 35)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_block_is_a_whole_number_of_tiles(target):
    assert target.block_images % (target.lanes * target.tile()[1]) == 0
    # Vector loads are aligned: the arena's buffers and every row of images begin at a multiple of a vector.
    assert target.block_images % target.lanes == 0
    assert settings.ARENA_ALIGN_BYTES % target.vector_bytes == 0
    # A thread's images fill whole blocks.
    assert settings.CHUNK_IMAGES % target.block_images == 0
