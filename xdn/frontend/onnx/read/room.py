"""How much the nodes of constants that a model has computed may take and give."""

from xdn.errors import ShapeError
from xdn.graph import Array

#: How many elements all nodes of constants may take and give: so many, and so many for each that the file holds.
_ROOM, _ROOM_OF_EACH = 1 << 24, 32


class Room:
    """How many elements the nodes of constants of one model may still take and give.

    A few of them could ask for more memory, or more time, than any net: each makes its input many times larger, or each
    reads a large one.
    """

    def __init__(self) -> None:
        self._elements = _ROOM

    def add(self, value: Array) -> None:
        """Make room for nodes that read a constant of the file."""
        self._elements += _ROOM_OF_EACH * value.size

    def take(self, elements: int) -> None:
        """Take room; raise ShapeError where there is not so much."""
        if elements > self._elements:
            mend = "Fold its constants before, as by onnxsim"
            raise ShapeError(f"the constants that the model has computed are too large: {elements} elements", mend=mend)
        self._elements -= elements
