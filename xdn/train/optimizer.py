"""Caffe's solvers as PyTorch optimizers: the published arithmetic, over lists of tensors at once.

Before each update, as in Caffe's `SGDSolver::ApplyUpdate`: gradients summed over `iter_size` batches are clipped
(their common L2 norm at most `clip_gradients`), divided by `iter_size`, and regularized:
``g += weight_decay * decay_mult * W`` (L2) or ``* sign(W)`` (L1). The rate of a weight is ``lr * lr_mult``.
Source: Caffe's src/caffe/solvers/*.cpp.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import unwrap
from math import isfinite
from typing import Any, ClassVar

import torch
from torch import Tensor

from xdn.errors import NetError, UnknownNameError, placed
from xdn.frontend.solver import Solver
from xdn.graph import ParamSpec
from xdn.registry import Registry

#: A group of weights that are trained alike: its numbers, and the weights.
Group = Mapping[str, Any]
Tensors = list[Tensor]
#: Caffe's `type` -> optimizer.
OPTIMIZERS: Registry[type["CaffeOptimizer"]] = Registry("solver type")


@dataclass(frozen=True)
class ScaleSpec(ParamSpec):
    """How scales are trained: optimizers whose steps do not depend on a gradient's size move them by shares of them.

    Adam moves whatever it trains by about its rate, which is a small share of a weight, but half of the scale of 8-bit
    filters.
    """

    decay_mult: float = 0.0
    relative: bool = True


class CaffeOptimizer(torch.optim.Optimizer):
    """Base of Caffe's solvers.

    Parameters
    ----------
    params : iterable
        Of tensors, or of groups with `lr_mult`, `decay_mult` and `relative` (`ScaleSpec`).
    solver : Solver
        The numbers of the arithmetic.

    `set_rate` must be called before `step`.
    """

    #: What is kept for each weight, all zeros at first.
    kept: ClassVar[tuple[str, ...]] = ()
    # PyTorch's own without what is around them: that imports PyTorch's compiler, for seconds, only to tell it to leave
    # them alone.
    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)
    state_dict = unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = unwrap(torch.optim.Optimizer.load_state_dict)
    #: Changes weights by gradients (regularized) and by what is kept, in place: (group, weights, gradients, kept...).
    _update: ClassVar[Callable[..., None]]

    def __init__(self, params: Iterable[Any], solver: Solver):
        defaults = {"lr": 0.0, **vars(ParamSpec()), "relative": False, "momentum": solver.momentum, "count": 0}
        super().__init__(params, defaults)
        self.solver = solver

    def set_rate(self, lr: float, momentum: float) -> None:
        """Set the learning rate and the momentum of the next steps."""
        for group in self.param_groups:
            group["lr"], group["momentum"] = lr * group["lr_mult"], momentum

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Update every weight that has a gradient; gradients are overwritten."""
        self._clip_and_divide()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            gradients = [weight.grad for weight in weights]
            self._regularize(group, weights, gradients)
            group["count"] += 1
            self._update(group, weights, gradients, *(self._kept(name, weights) for name in self.kept))

    def _clip_and_divide(self) -> None:
        gradients = [w.grad for group in self.param_groups for w in group["params"] if w.grad is not None]
        factor, limit = 1.0 / self.solver.iter_size, self.solver.clip_gradients
        if limit >= 0 and gradients:
            norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
            factor *= limit / norm if norm > limit else 1.0
        if factor != 1.0:
            torch._foreach_mul_(gradients, factor)

    def _regularize(self, group: Group, weights: Tensors, gradients: Tensors) -> None:
        decay = self.solver.weight_decay * group["decay_mult"]
        if decay:
            signs = weights if self.solver.regularization_type == "L2" else torch._foreach_sign(weights)
            torch._foreach_add_(gradients, signs, alpha=decay)

    def _kept(self, name: str, weights: Tensors) -> Tensors:
        for weight in weights:
            if name not in self.state[weight]:
                self.state[weight][name] = torch.zeros_like(weight)
        return [self.state[weight][name] for weight in weights]


@OPTIMIZERS.register("SGD")
class SGD(CaffeOptimizer):
    """V = momentum * V + lr * g; W -= V"""

    kept = ("velocity",)

    def _update(self, group: Group, weights: Tensors, gradients: Tensors, velocity: Tensors) -> None:
        torch._foreach_mul_(velocity, group["momentum"])
        torch._foreach_add_(velocity, gradients, alpha=group["lr"])
        self._move(group, weights, gradients, velocity)

    def _move(self, group: Group, weights: Tensors, gradients: Tensors, velocity: Tensors) -> None:
        torch._foreach_sub_(weights, velocity)


@OPTIMIZERS.register("Nesterov")
class Nesterov(SGD):
    """V' = momentum * V + lr * g; W -= (1 + momentum) * V' - momentum * V, which is lr * g + momentum * V'"""

    def _move(self, group: Group, weights: Tensors, gradients: Tensors, velocity: Tensors) -> None:
        torch._foreach_add_(weights, gradients, alpha=-group["lr"])
        torch._foreach_add_(weights, velocity, alpha=-group["momentum"])


@OPTIMIZERS.register("AdaGrad")
class AdaGrad(CaffeOptimizer):
    """H += g^2; W -= lr * g / (sqrt(H) + delta)"""

    kept = ("history",)

    def _update(self, group: Group, weights: Tensors, gradients: Tensors, history: Tensors) -> None:
        self._remember(history, gradients)
        _subtract_quotient(group, weights, gradients, history, group["lr"], self.solver.delta)

    def _remember(self, history: Tensors, gradients: Tensors) -> None:
        torch._foreach_addcmul_(history, gradients, gradients)


@OPTIMIZERS.register("RMSProp")
class RMSProp(AdaGrad):
    """H = rms_decay * H + (1 - rms_decay) * g^2; W -= lr * g / (sqrt(H) + delta)"""

    def _remember(self, history: Tensors, gradients: Tensors) -> None:
        _average_squares(history, gradients, self.solver.rms_decay)


@OPTIMIZERS.register("AdaDelta")
class AdaDelta(CaffeOptimizer):
    """H = mu * H + (1 - mu) * g^2; U = g * sqrt((D + delta) / (H + delta)); D = mu * D + (1 - mu) * U^2; W -= lr * U"""

    kept = ("history", "changes")

    def _update(self, group: Group, weights: Tensors, gradients: Tensors, history: Tensors, changes: Tensors) -> None:
        _average_squares(history, gradients, group["momentum"])
        ratios = list(torch._foreach_add(changes, self.solver.delta))
        torch._foreach_div_(ratios, torch._foreach_add(history, self.solver.delta))
        torch._foreach_sqrt_(ratios)
        torch._foreach_mul_(ratios, gradients)
        _average_squares(changes, ratios, group["momentum"])
        torch._foreach_add_(weights, ratios, alpha=-group["lr"])


@OPTIMIZERS.register("Adam")
class Adam(CaffeOptimizer):
    """M, H: averages of g and g^2; W -= lr * sqrt(1 - momentum2^t) / (1 - momentum^t) * M / (sqrt(H) + delta)"""

    kept = ("average", "history")

    @staticmethod
    def curvature(kept: Mapping[str, Tensor], solver: Solver) -> Tensor:
        """Return sqrt(H) + delta of what is kept of a weight: the Hessian's diagonal, up to a factor common to all."""
        return kept["history"].sqrt().add_(solver.delta)

    def _update(self, group: Group, weights: Tensors, gradients: Tensors, average: Tensors, history: Tensors) -> None:
        first, second, count = group["momentum"], self.solver.momentum2, group["count"]
        torch._foreach_mul_(average, first)
        torch._foreach_add_(average, gradients, alpha=1 - first)
        _average_squares(history, gradients, second)
        correction = (1 - second**count) ** 0.5 / (1 - first**count)
        _subtract_quotient(group, weights, average, history, group["lr"] * correction, self.solver.delta)


def _average_squares(averages: Tensors, values: Tensors, decay: float) -> None:
    torch._foreach_mul_(averages, decay)
    torch._foreach_addcmul_(averages, values, values, value=1 - decay)


def _subtract_quotient(
    group: Group, weights: Tensors, values: Tensors, squares: Tensors, factor: float, delta: float
) -> None:
    """Subtract factor * value / (sqrt(square) + delta), times the weights' own sizes where the group says so."""
    roots = torch._foreach_sqrt(squares)
    torch._foreach_add_(roots, delta)
    if group["relative"]:
        values = list(torch._foreach_mul(values, torch._foreach_abs(weights)))
    torch._foreach_addcdiv_(weights, values, roots, value=-factor)


def optimizer_for(solver: Solver, weights: Iterable[tuple[Tensor, ParamSpec]]) -> CaffeOptimizer:
    """Return the solver's optimizer for weights and how each is trained; one with lr_mult 0 is frozen.

    Raises
    ------
    UnknownNameError
        Saying where the solver names its unknown type, with the nearest known ones.
    NetError
        Where no weight is left to train, or lr_mult or decay_mult is negative.
    """
    with placed(solver.place("type"), UnknownNameError):
        cls = OPTIMIZERS[solver.type]
    groups: dict[ParamSpec, Tensors] = {}
    for weight, spec in weights:
        if not all(isfinite(factor) and factor >= 0 for factor in (spec.lr_mult, spec.decay_mult)):
            raise NetError(f"{spec}: lr_mult and decay_mult must be numbers from 0 on")
        weight.requires_grad_(spec.lr_mult != 0)
        if spec.lr_mult:
            groups.setdefault(spec, []).append(weight)
    if not groups:
        raise NetError("the net has no weights to train", mend="Look at lr_mult of its layers")
    return cls([{"params": params, **vars(spec)} for spec, params in groups.items()], solver)
