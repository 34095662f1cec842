"""How a data set is cut: into blocks of images, the same ones for everybody, which shards share."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdn.errors import SettingError


@dataclass(frozen=True, order=True)
class Block:
    """Images one after the other, which are run together.

    Parameters
    ----------
    start, stop : int
        The first one, and the one after the last.
    """

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __str__(self) -> str:
        return f"{self.start}..{self.stop - 1}"


def blocks(images: int, size: int) -> tuple[Block, ...]:
    """Return the blocks of a data set, `size` images each, fewer in the last one."""
    return tuple(Block(start, min(start + size, images)) for start in range(0, images, size))


@dataclass(frozen=True)
class Shard:
    """One of several equal shares of a data set's blocks.

    Parameters
    ----------
    number, of : int
        Which one, from 1, of how many.

    Raises
    ------
    SettingError
        Where there is no such share.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise SettingError(f"there is no shard {self.number} of {self.of}", mend="The first one is 1")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def share(self, cut: Sequence[Block]) -> tuple[Block, ...]:
        """Return the blocks of this shard: those of all shards differ by one at most, and none is in two of them."""
        first, last = ((number * len(cut)) // self.of for number in (self.number - 1, self.number))
        return tuple(cut[first:last])
