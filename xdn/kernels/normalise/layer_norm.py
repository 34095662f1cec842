"""LayerNorm: mean and variance over the positions of a group, or over a whole image.

The loops are those of MVN (`xdn/kernels/normalise/moments.py`): channels have sums of their own but where a whole image
is normalised.
"""

import math

import numpy as np

from xdn.element import real
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.work import Phase
from xdn.kernels.normalise.moments import Standard, by_image, standardize

#: Cycles of a vector: it is summed twice in f64, which has two vectors of it, and written twice.
_CYCLES = 12.0


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    return lowering.moving(_CYCLES)


@family(
    "layer_norm",
    "LayerNorm",
    when=lambda lowering: lowering.bottoms[0].axis(lowering.params.axis) > 0,
    schedules=BOTH,
    phases=_phases,
)
def lower_layer_norm(lowering: Lowering) -> Lowered:
    """Subtract the mean, divide by the deviation, multiply by a factor and add a summand."""
    blob, top, params = lowering.bottoms[0], lowering.top(), lowering.params
    axis = blob.axis(params.axis)
    # Weights lie as the positions of a group do, and of a whole image with its channels last.
    scale, bias = (
        np.moveaxis(lowering.layer.weights[name], 0, -1) if axis == 1 else lowering.layer.weights[name]
        for name in ("scale", "bias")
    )
    groups = math.prod(blob.shape[2:axis]) if axis > 1 else 1
    vectors, width = by_image(lowering) if axis == 1 else (1, top.position_elements)
    words = lowering.words(
        Standard,
        total=width,
        deviation=width,
        scale=np.ascontiguousarray(scale, real).ravel(),
        bias=np.ascontiguousarray(bias, real).ravel(),
        within=params.eps,
        divides=True,
        learned=True,
        groups=groups,
        positions=top.positions // groups,
        vectors=vectors,
        width=width,
    )
    return Lowered([lowering.step("standardize", standardize, words, serves_both=True)])
