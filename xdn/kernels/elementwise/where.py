"""Where: y = a where the condition is not 0, else b."""

from xdn.codegen.intrinsics import at
from xdn.codegen.source import KernelBody
from xdn.kernels.core.descriptor import Descriptor, Place, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion


class Where(Descriptor):
    """Elements of a block, of three bottoms and the top."""

    condition, a, b, y = (Place() for _ in range(4))
    y_block = Size()


def _where() -> KernelBody:
    def where(d, frame):
        condition, a, b, y = at(frame, d.condition), at(frame, d.a), at(frame, d.b), at(frame, d.y)
        first, end = portion(frame, frame.blocks * d.y_block)
        for i in range(first, end):
            y[i] = a[i] if condition[i] != 0 else b[i]

    return where


@family("where", "Where", schedules=BOTH)
def lower_where(lowering: Lowering) -> Lowered:
    """Choose element by element."""
    places = dict(zip(("condition", "a", "b"), lowering.layer.bottoms, strict=True))
    return Lowered([lowering.step("where", _where, lowering.words(Where, **places), serves_both=True)])
