"""How the bf16 parts of a blob lie beside it, for kernels that read these instead (`xdn/kernels/contract/matrix/`).

A blob of 8 bits has one part, itself: it lies there once more with a border where windows reach beyond the map.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from xdn.codegen.tiles import NUMBERS, ROW_BYTES
from xdn.element import BF16, REAL
from xdn.kernels.core.layout import CHANNEL, BlockLayout


def steps_of(channels: int) -> int:
    """Return how many tiles of channels there are, the last one filled up with zeros."""
    return -(-channels // NUMBERS)


@dataclass(frozen=True, kw_only=True)
class PartsLayout(BlockLayout):
    """How the parts of a blob lie, in bf16 or as the blob itself does, the channels filled up to whole tiles.

    batch
        ``[N/B][H][W][C/32][parts][16][B][2]``: of each image two channels together.
    channel
        ``[N][rows][columns][C/32][parts][32]``, of 8 bits 64 in place of 32, with zeros around the map and room after
        it. A position takes an odd number of cache lines: of rows whose distance is a multiple of 4096 bytes a cache
        holds few.

    Parameters
    ----------
    parts : int
    border : (int, int, int, int)
        Positions of padding above, below, to the left and to the right of the map.
    room : (int, int)
        Rows, and positions beside these, after the last one that may be read, whatever they hold.
    itself : bool
        The blob is read as it lies: there is no other one beside it.
    """

    parts: int
    border: tuple[int, int, int, int] = (0, 0, 0, 0)
    room: tuple[int, int] = (0, 0)
    itself: bool = False

    @staticmethod
    def beside(blob: BlockLayout, parts: int, **more: object) -> "PartsLayout":
        """Return the layout of the parts of a blob that lies so."""
        kept = {name: getattr(blob, name) for name in ("channels", "height", "width", "target", "schedule")}
        element = BF16 if blob.element == REAL else blob.element
        return PartsLayout(**kept, element=element, parts=parts, **more)  # type: ignore[arg-type]

    def joined(self, other: "PartsLayout") -> "PartsLayout":
        """Return the layout that serves the readers of both."""
        above, below, left, right = map(max, self.border, other.border)
        rows, positions = map(max, self.room, other.room)
        parts = max(self.parts, other.parts)
        return replace(self, parts=parts, border=(above, below, left, right), room=(rows, positions))

    @property
    def numbers(self) -> int:
        """Numbers of a tile's row: channels of a step."""
        return ROW_BYTES // self.element.bytes

    @property
    def steps(self) -> int:
        """Steps of the channels, the last one filled up."""
        return -(-self.channels // self.numbers)

    @property
    def part_elements(self) -> int:
        """Elements from one part to the next, of a step's channels."""
        return self.numbers * self.images

    @property
    def step_elements(self) -> int:
        """Elements from a step's channels to the next."""
        return self.parts * self.part_elements

    @property
    def position_elements(self) -> int:
        """Elements from one position to the next, of a block."""
        if self.itself:
            return super().position_elements
        lines = self.steps * self.parts
        return (lines | 1) * self.numbers if self.schedule is CHANNEL else lines * self.part_elements

    @property
    def rows(self) -> int:
        """Rows of positions, with the border."""
        return self.height + self.border[0] + self.border[1]

    @property
    def columns(self) -> int:
        """Positions of a row, with the border."""
        return self.width + self.border[2] + self.border[3]

    @property
    def block_elements(self) -> int:
        """Elements of one block of images, in whole cache lines."""
        more_rows, more = self.room
        return ((self.rows + more_rows) * self.columns + more) * self.position_elements


def parts_name(blob: str) -> str:
    """Return what the parts of a blob are called; the zero byte keeps them apart from any blob."""
    return f"{blob}\0parts"


def parts_of_blob(blob: str, layout: PartsLayout) -> str:
    """Return the name of what is read: the blob, or its parts."""
    return blob if layout.itself else parts_name(blob)


def joined_layouts(needed: Iterable[Mapping[str, PartsLayout]]) -> dict[str, PartsLayout]:
    """Return blob -> the layout of its parts that serves all who need them."""
    found: dict[str, PartsLayout] = {}
    for each in needed:
        for blob, layout in each.items():
            found[blob] = found[blob].joined(layout) if blob in found else layout
    return found
