"""For which processor, schedule and net the algorithm of a layer is chosen."""

from dataclasses import replace

from xdn.codegen.target import target_named
from xdn.kernels.core.choice import FMA
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.work import Setting

#: Blocks of images on a processor that nobody has measured.
_ANYWHERE = Setting(threads=2, blocks=6)


def for_rules(lowering: Lowering) -> Lowering:
    """Return the lowering for which the algorithm is chosen: that of the layer alone, since fusing changes no bit.

    With plain arithmetic (`FMA`) results are the same in both schedules and on all processors: there it is one that
    follows from the layer's shape alone.
    """
    lowering = replace(lowering, added=())
    if lowering.precision != FMA:
        return lowering
    return replace(lowering, target=target_named("avx512f"), schedule=BATCH, setting=_ANYWHERE)
