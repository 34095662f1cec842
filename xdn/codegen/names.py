"""Kernel names: built and parsed in one place, after XNNPACK's convention.

A name says operation, datatype, epilogue, tile and instruction set:
``contract_f32_sum_relu_14x2__avx512f``.
"""

import re
from dataclasses import dataclass

from xdn.element import ELEMENTS, F32, Element

_NAME = re.compile(
    r"(?P<op>[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*?)_(?P<dtype>f32(?:x(?:bf16|f16))?)"
    r"(?P<epilogue>(?:_[a-z][a-z0-9]*)*)(?:_(?P<rows>\d+)x(?P<vectors>\d+))?__(?P<isa>[a-z0-9]+)"
)


def dtype_of(weights: Element) -> str:
    """Return what a name says of blobs of f32 and of weights of some element."""
    return F32.name if weights == F32 else f"{F32.name}x{weights.name}"


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
    dtype : str
        Element of blobs, and with ``"x"`` before it that of weights where that is another: ``"f32xbf16"``.
    """

    op: str
    isa: str
    epilogue: tuple[str, ...] = ()
    tile: tuple[int, int] | None = None
    dtype: str = "f32"

    @property
    def weights(self) -> Element:
        """The number format of weights."""
        return ELEMENTS[self.dtype.rpartition("x")[2]]

    def __str__(self) -> str:
        parts = [self.op, self.dtype, *self.epilogue]
        if self.tile:
            parts.append(f"{self.tile[0]}x{self.tile[1]}")
        return "_".join(parts) + f"__{self.isa}"

    @staticmethod
    def parse(name: str) -> "KernelName":
        """Return the parts of `name`; raise ValueError where it is no kernel name."""
        match = _NAME.fullmatch(name)
        if not match:
            raise ValueError(f"{name!r} is no kernel name")
        tile = (int(match["rows"]), int(match["vectors"])) if match["rows"] else None
        epilogue = tuple(part for part in match["epilogue"].split("_") if part)
        return KernelName(match["op"], match["isa"], epilogue, tile, match["dtype"])
