"""How the weights of a net are to become codebooks."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from xdn.errors import SettingError
from xdn.graph.codebook import MOST_CENTROIDS

#: Name -> of how many channels a block holds the weights where a filter has one for each, and where it has a kernel.
#: An InnerProduct has the blocks of `small` always. The source is Stock et al., "And the Bit Goes Down" (2020).
BLOCKS = {"small": (4, 1), "large": (8, 2)}


@dataclass(frozen=True)
class CodebookConfig:
    """Everything that decides what codebooks a net gets.

    Parameters
    ----------
    blocks : str
        One of `BLOCKS`.
    centroids : int
        In each codebook, 2 to 256; fewer where a layer has fewer than four blocks a centroid.
    iterations : int
        Of k-means.
    swaps : int
        How often a swap of two channels is looked for, at most, in each group of them; 0 leaves channels in place.
    seed : int
    keep_f32 : tuple of str
        Layers that keep their weights: names, or patterns with ``*``, ``?`` and ``[...]``.
    """

    blocks: str = "small"
    centroids: int = MOST_CENTROIDS
    iterations: int = 50
    swaps: int = 1000
    seed: int = 0
    keep_f32: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.blocks not in BLOCKS:
            raise SettingError(f"blocks are {self.blocks!r}", mend=f"Known: {', '.join(BLOCKS)}")
        if not 2 <= self.centroids <= MOST_CENTROIDS:
            raise SettingError(f"{self.centroids} centroids; 2 to {MOST_CENTROIDS} are possible")
        if self.iterations < 1 or self.swaps < 0:
            raise SettingError(f"{self.iterations} iterations and {self.swaps} swaps; they are at least 1 and 0")

    def keeps(self, layer: str) -> bool:
        """Return whether a layer of this name is to keep its weights."""
        return any(fnmatchcase(layer, pattern) for pattern in self.keep_f32)
