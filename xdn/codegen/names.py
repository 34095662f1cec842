"""Kernel names: built and parsed in one place, after XNNPACK's convention.

A name says operation, elements, epilogue, tile and instruction set:
``contract_f32_sum_relu_14x2__avx512f``.
"""

import re
from dataclasses import dataclass

from xdn.element import ELEMENTS, REAL, Element

_NAME = re.compile(
    rf"(?P<op>[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*?)_(?P<element>{'|'.join(ELEMENTS)})(?:x(?P<weights>{'|'.join(ELEMENTS)}))?"
    r"(?P<epilogue>(?:_[a-z][a-z0-9]*)*)(?:_(?P<rows>\d+)x(?P<vectors>\d+))?__(?P<isa>[a-z0-9-]+)"
)


@dataclass(frozen=True)
class KernelName:
    """The parts of a kernel's name.

    Parameters
    ----------
    op : str
        Operation, such as ``"contract"``.
    isa : str
        Instruction set.
    epilogue : tuple of str
        What is done to the result before it is stored: ``"sum"`` or ``"projection"``, then an activation such as
        ``"relu"``.
    tile : (int, int), optional
        Rows and vectors of the register tile.
    element, weights : Element
        Of blobs and of weights; the latter are named, with ``"x"`` before them, where they are stored otherwise than
        values are computed: ``"f32xbf16"``.
    """

    op: str
    isa: str
    epilogue: tuple[str, ...] = ()
    tile: tuple[int, int] | None = None
    element: Element = REAL
    weights: Element = REAL

    def __str__(self) -> str:
        stored = "" if self.weights == REAL else f"x{self.weights.name}"
        parts = [self.op, self.element.name + stored, *self.epilogue]
        if self.tile:
            parts.append(f"{self.tile[0]}x{self.tile[1]}")
        return "_".join(parts) + f"__{self.isa}"

    @staticmethod
    def parse(name: str) -> "KernelName":
        """Return the parts of `name`; raise ValueError where it is not a kernel name."""
        match = _NAME.fullmatch(name)
        if not match:
            raise ValueError(f"{name!r} is not a kernel name")
        tile = (int(match["rows"]), int(match["vectors"])) if match["rows"] else None
        epilogue = tuple(part for part in match["epilogue"].split("_") if part)
        element, weights = ELEMENTS[match["element"]], ELEMENTS[match["weights"] or REAL.name]
        return KernelName(match["op"], match["isa"], epilogue, tile, element, weights)
