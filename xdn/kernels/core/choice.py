"""What is chosen for a layer among the ways to compute it: algorithm, register tile, order of the loops."""

from dataclasses import dataclass

#: Direct sums, Winograd's minimal filtering with 2x2 or 4x4 results a tile, one level of Strassen's products of
#: matrices, a matrix product of SciPy's BLAS, or sums of six or three products of bf16 parts by the tile unit. Of blobs
#: of 8-bit integers, or of bf16, direct sums are those of dot products, the others those of the tile unit.
ALGORITHMS = DIRECT, *WINOGRADS, STRASSEN, BLAS, BF16X6, BF16X3, INT8, BF16X1 = (
    "direct",
    "winograd2",
    "winograd4",
    "strassen",
    "blas",
    "bf16x6",
    "bf16x3",
    "int8",
    "bf16x1",
)
TILED = (BF16X6, BF16X3)
#: What decides which algorithms may be taken. f32: all whose error is that of f32 sums; fma: those whose results are
#: the same bits on every processor; bf16x3: with an error of 16 bits, too, where that is faster; bf16: as f32, of the
#: layers that do not read bf16, as then all do that can.
PRECISIONS = F32, FMA, _, BF16 = ("f32", "fma", BF16X3, "bf16")
#: Of a contraction in the channel schedule: a tile of positions meets all panels in turn, or a panel all tiles.
ORDERS = PANELS, TILES = ("panels", "tiles")


@dataclass(frozen=True)
class Choice:
    """How one layer is computed, as far as it is not left to the rule.

    Parameters
    ----------
    algorithm : str, optional
        One of `ALGORITHMS`.
    tile : (int, int), optional
        Rows of scalars and vectors of the register tile.
    order : str, optional
        One of `ORDERS`.
    """

    algorithm: str | None = None
    tile: tuple[int, int] | None = None
    order: str | None = None

    def __str__(self) -> str:
        tile = f"{self.tile[0]}x{self.tile[1]}" if self.tile else None
        return " ".join(part for part in (self.algorithm, tile, self.order) if part) or "rule"


#: Everything is left to the rule.
RULE = Choice()
