"""For which processor, schedule and net the algorithm of a layer is chosen."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TypeVar

from xdn.codegen.target import Target, target_named
from xdn.graph import Blob, Layer, LayerParams
from xdn.kernels.core.choice import FMA
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BATCH, Schedule
from xdn.kernels.core.tables import shared
from xdn.kernels.core.work import Setting

R = TypeVar("R")

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


def by_geometry(rule: Callable[[Lowering], R]) -> Callable[[Lowering], R]:
    """Return `rule`, which looks at parameters and shapes, asked once for all layers of a plan that share these."""

    @shared
    def asked(
        params: LayerParams,
        bottoms: tuple[Blob, ...],
        tops: tuple[Blob, ...],
        target: Target,
        schedule: Schedule,
        setting: Setting,
    ) -> R:
        x_names, y_names = (
            tuple(f"{side}{i}" for i in range(len(blobs))) for side, blobs in (("x", bottoms), ("y", tops))
        )
        layer = Layer("geometry", params, x_names, y_names)
        return rule(Lowering(layer, bottoms, tops, target, schedule=schedule, setting=setting))

    @wraps(rule)
    def of_layer(lowering: Lowering) -> R:
        at = for_rules(lowering)
        return asked(at.params, tuple(at.bottoms), tuple(at.tops), at.target, at.schedule, at.setting)

    return of_layer
