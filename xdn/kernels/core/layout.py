"""How blobs lie in memory.

Two schedules, which fill vectors with different things:

batch
    A blob (N, C, H, W) lies as ``[N/B][H][W][C][B]``: B images innermost, two vectors of the processor (32 with
    AVX-512, 16 with AVX2), so that every kernel vectorises over images, whatever the number of channels, and reads
    whole rows. Only the last block is padded. Of 8 bits four channels lie together, of bf16 two, as dot products read
    them: ``[N/B][H][W][C/4][B][4]``, C rounded up.
channel
    A blob lies as ``[N][H][W][C']``: C' is C, rounded up to a whole number of vectors. A block is one image.

No result depends on what is padding, which of f32 may hold anything; of bf16 it holds finite numbers.
"""

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import Any

from xdn.codegen.target import Target
from xdn.element import REAL, Element
from xdn.errors import UnsupportedError
from xdn.graph.blob import Blob


@dataclass(frozen=True, eq=False)
class Schedule:
    """What vectors are filled with, and with that how blobs lie and which kernels run; there are these two."""

    name: str

    def op(self, name: str) -> str:
        """Return what a kernel's operation is called in this schedule."""
        return name if self is BATCH else f"{self.name}_{name}"

    def block_images(self, target: Target) -> int:
        """Return the images of a block."""
        return target.block_images if self is BATCH else 1


BATCH, CHANNEL = Schedule("batch"), Schedule("channel")
SCHEDULES = {schedule.name: schedule for schedule in (BATCH, CHANNEL)}
#: Of kernels that do the same to every value, wherever it lies.
BOTH = (BATCH, CHANNEL)


@dataclass(frozen=True)
class BlockLayout:
    """How one image of a blob lies: `height` x `width` positions of `channels` values.

    A blob with fewer axes than four has height and width 1; axes after the fourth belong to the width.

    Parameters
    ----------
    channels, height, width : int
    target : Target
        The processor whose vectors are filled.
    schedule : Schedule
    element : Element
        What a value is in memory.
    exact : bool
        Without padding but for what is read at once: whoever reads the blob takes single values.
    """

    channels: int
    height: int = 1
    width: int = 1
    _: KW_ONLY
    target: Target
    schedule: Schedule = BATCH
    element: Element = REAL
    exact: bool = False

    @staticmethod
    def of(blob: Blob, target: Target, schedule: Schedule = BATCH, exact: bool = False) -> "BlockLayout":
        """Return the layout of `blob`, whose axis 0 is the batch."""
        if len(blob.shape) < 1:
            raise UnsupportedError(f"a blob of shape {blob.shape} has no batch axis")
        _, channels, height, *width = (*blob.shape, 1, 1)[: max(4, len(blob.shape))]
        return BlockLayout(
            channels, height, prod(width), target=target, schedule=schedule, element=blob.element, exact=exact
        )

    @property
    def images(self) -> int:
        """Images of a block."""
        return self.schedule.block_images(self.target)

    @property
    def lanes(self) -> int:
        """Elements of a vector."""
        return self.target.vector_bytes // self.element.bytes

    @property
    def positions(self) -> int:
        """Number of positions of an image."""
        return self.height * self.width

    @property
    def interleave(self) -> int:
        """Channels of an image that lie together before those of the next one: elements from image to image."""
        return self._together if self.schedule is BATCH else 1

    @property
    def _together(self) -> int:
        """Channels of an image that are read at once."""
        return self.element.interleave

    @property
    def position_elements(self) -> int:
        """Elements from one position to the next, of a block."""
        multiple = self.lanes if self.schedule is CHANNEL and not self.exact else self._together
        return -(-self.channels // multiple) * multiple * self.images

    def place(self, position: Any, channel: Any) -> Any:
        """Return where a value of the block's first image lies, in elements; of arrays of numbers, an array."""
        together = self.interleave
        row = channel // together * self.images * together + channel % together
        return position * self.position_elements + row

    @property
    def block_elements(self) -> int:
        """Elements of one block of images."""
        return self.positions * self.position_elements

    @property
    def block_bytes(self) -> int:
        """Bytes of one block of images."""
        return self.block_elements * self.element.bytes
