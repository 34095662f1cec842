"""The layout of blobs in the batch schedule, and of what a kernel is told.

A blob (N, C, H, W) lies as ``[N/B][H][W][C][B]``: B images innermost, two vectors of the processor (32 with AVX-512,
16 with AVX2), so that every kernel vectorises over images, whatever the number of channels, and reads whole rows.
Only the last block is padded; its surplus lanes hold finite numbers that nobody reads.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from xdn.codegen.isa import host_isa
from xdn.errors import UnsupportedError
from xdn.graph.blob import Blob

#: Images of a block.
B = host_isa().block_images
F32_BYTES = 4

# A frame tells a kernel where it works now; it differs between threads and chunks.
#: Address of the thread's arena.
ARENA = 0
#: Blocks in this chunk.
BLOCKS = 1
#: Number of the chunk's first image.
FIRST_IMAGE = 2
#: Images in this chunk; the last block may be partly filled.
IMAGES = 3
#: Address of the thread's ticks, one int64 a step; only the driver that measures reads it.
TICKS = 4
#: Address of the caller's first input or output; one word for each follows.
IO = 5


@dataclass(frozen=True)
class BlockLayout:
    """How one image of a blob lies: `height` x `width` positions of `channels` values.

    A blob with fewer axes than four has height and width 1; axes after the fourth belong to the width.
    """

    channels: int
    height: int = 1
    width: int = 1

    @staticmethod
    def of(blob: Blob) -> "BlockLayout":
        """Return the layout of `blob`, whose axis 0 is the batch."""
        if len(blob.shape) < 1:
            raise UnsupportedError(f"a blob of shape {blob.shape} has no batch axis")
        _, channels, height, *width = (*blob.shape, 1, 1)[: max(4, len(blob.shape))]
        return BlockLayout(channels, height, prod(width))

    @property
    def positions(self) -> int:
        """Number of positions of an image."""
        return self.height * self.width

    @property
    def position_elements(self) -> int:
        """Elements from one position to the next, of a block."""
        return self.channels * B

    @property
    def block_elements(self) -> int:
        """Elements of one block of images."""
        return self.positions * self.position_elements

    @property
    def block_bytes(self) -> int:
        """Bytes of one block of images."""
        return self.block_elements * F32_BYTES


def aligned_bytes(size: int, alignment: int) -> np.ndarray:
    """Return `size` bytes that begin at a multiple of `alignment`, zeroed when they are first touched."""
    raw = np.zeros(size + alignment, np.uint8)
    start = -raw.ctypes.data % alignment
    return raw[start : start + size]
