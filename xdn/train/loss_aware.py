"""Scales of filters that a proximal Newton step gives, in place of learned ones.

Hou and Kwok ("Loss-aware Weight Quantization of Deep Networks", 2018) take the loss around weights w as a square with
the diagonal d of the Hessian, for which the root of Adam's second moment stands. Of the weights that are integers q
times a scale s of their filter those then have the least loss for which

    sum of d * (w - s * q)^2

is smallest. For given s these q are the nearest integers within the range, whatever d is: what layers compute with
anyway (`xdn.train.torch_layers.integers`). For given q it is s = sum(d * w * q) / sum(d * q^2). Both are done in turn,
beginning with the scale of before, until it stays; of one bit q are signs, and once is enough. The sum never grows.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from xdn.errors import SettingError
from xdn.frontend.solver import Solver
from xdn.graph import ParamSpec
from xdn.graph.quantized import LEAST_SCALE, MOST_SCALE
from xdn.train.module import NetModule
from xdn.train.optimizer import Adam, CaffeOptimizer
from xdn.train.torch_layers.integers import as_scale, nearest_weights

#: So often both are done in turn at most; weights move little in an iteration, and scales follow in the next one.
_TURNS = 8


def least_loss_scales(filters: Tensor, curvature: Tensor, scales: Tensor, bits: int) -> Tensor:
    """Return the scales (K,) of filters (K, n) by their curvature d (K, n), beginning with positive `scales`.

    A filter whose integers are all 0 keeps its scale.
    """
    for _ in range(_TURNS):
        before = scales
        q = nearest_weights(filters / scales[:, None], bits)
        weighted = curvature * q
        found = (weighted * filters).sum(1) / (weighted * q).sum(1)
        scales = torch.where(found > 0, found.clamp(LEAST_SCALE, MOST_SCALE), before)
        if bits == 1 or torch.equal(scales, before):
            break
    return scales


class LossAware:
    """Sets the scales of a module's filters after each update.

    Parameters
    ----------
    module : NetModule
    solver : Solver
        SettingError where its type has no second moment of gradients: where it is not Adam.
    """

    def __init__(self, module: NetModule, solver: Solver):
        if solver.type != "Adam":
            what = f"the solver {solver.type} has no second moment of gradients, by which scales are chosen"
            raise SettingError(what, where=solver.place("loss_aware"), mend='Say type: "Adam", or leave it out')
        self._filters = list(module.integer_filters())
        self._scales = {id(scales) for _, _, scales, _ in self._filters}

    def trained(self, weights: Iterator[tuple[Tensor, ParamSpec]]) -> Iterator[tuple[Tensor, ParamSpec]]:
        """Yield the weights and how they are trained, the scales of filters as frozen."""
        for weight, spec in weights:
            yield weight, ParamSpec(0.0, 0.0) if id(weight) in self._scales else spec

    @torch.no_grad()
    def step(self, optimizer: CaffeOptimizer) -> None:
        """Set the scales of filters by the weights that the optimizer has just updated; frozen ones keep theirs."""
        for params, weight, scales, bits in self._filters:
            if weight in optimizer.state:
                filters, curvature = (
                    _rows(params, each) for each in (weight, Adam.curvature(optimizer.state[weight], optimizer.solver))
                )
                scales.copy_(least_loss_scales(filters, curvature, as_scale(scales), bits))


def _rows(params: Any, weight: Tensor) -> Tensor:
    """Return a weight as filters (K, n)."""
    rows: Tensor = params.filters(weight).flatten(1)
    return rows
