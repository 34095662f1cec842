"""The layout of blobs: which axes become height and width, and how large a block is."""

import pytest

from xdn import settings
from xdn.codegen.target import TARGETS, host_target
from xdn.errors import UnsupportedError
from xdn.graph import Blob
from xdn.kernels.core.layout import F32_BYTES, B, BlockLayout


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((7,), BlockLayout(1)),
        ((7, 3), BlockLayout(3)),
        ((7, 3, 4), BlockLayout(3, 4)),
        ((7, 3, 4, 5), BlockLayout(3, 4, 5)),
        ((7, 3, 4, 5, 6), BlockLayout(3, 4, 30)),
        ((7, 3, 4, 5, 6, 2), BlockLayout(3, 4, 60)),
    ],
)
def test_axes(shape, layout):
    assert BlockLayout.of(Blob(shape)) == layout


def test_a_blob_without_axes_has_no_batch():
    with pytest.raises(UnsupportedError, match="no batch axis"):
        BlockLayout.of(Blob(()))


def test_sizes():
    layout = BlockLayout(3, 4, 5)
    assert (layout.positions, layout.position_elements) == (20, 3 * B)
    assert (layout.block_elements, layout.block_bytes) == (60 * B, 240 * B)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_block_is_a_whole_number_of_tiles(target):
    assert target.block_images % (target.lanes * target.tile()[1]) == 0
    # Vector loads are aligned: the arena's buffers and every row of images begin at a multiple of a vector.
    assert (target.block_images * F32_BYTES) % (F32_BYTES * target.lanes) == 0
    assert settings.ARENA_ALIGN_BYTES % (F32_BYTES * target.lanes) == 0
    # A thread's images fill whole blocks.
    assert settings.CHUNK_IMAGES % target.block_images == 0


def test_the_block_is_the_instruction_set_s():
    assert host_target().block_images == B
