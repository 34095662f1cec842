"""The learning rate at every iteration: Caffe's policies, and two that Caffe lacks."""

from collections.abc import Callable
from math import cos, exp, isfinite, pi

from xdn.errors import SettingError, UnknownNameError, placed
from xdn.frontend.solver import Solver
from xdn.registry import Registry

#: (solver, iteration from 0 on) -> learning rate.
Policy = Callable[[Solver, int], float]

POLICIES: Registry[Policy] = Registry("learning rate policy")


def _needs(solver: Solver, field: str) -> int:
    value = int(getattr(solver, field))
    if value < 1:
        raise SettingError(f"the policy {solver.lr_policy} needs {field}", where=solver.place("lr_policy"))
    return value


@POLICIES.register("fixed")
def fixed(solver: Solver, iteration: int) -> float:
    """base_lr"""
    return solver.base_lr


@POLICIES.register("step")
def step(solver: Solver, iteration: int) -> float:
    """base_lr * gamma ^ floor(iteration / stepsize)"""
    return solver.base_lr * float(solver.gamma ** (iteration // _needs(solver, "stepsize")))


@POLICIES.register("exp")
def exponential(solver: Solver, iteration: int) -> float:
    """base_lr * gamma ^ iteration"""
    return solver.base_lr * float(solver.gamma**iteration)


@POLICIES.register("inv")
def inverse(solver: Solver, iteration: int) -> float:
    """base_lr * (1 + gamma * iteration) ^ -power"""
    return solver.base_lr * float((1 + solver.gamma * iteration) ** -solver.power)


@POLICIES.register("multistep")
def multistep(solver: Solver, iteration: int) -> float:
    """base_lr * gamma ^ (how many stepvalues are reached)"""
    return solver.base_lr * float(solver.gamma ** sum(iteration >= value for value in solver.stepvalue))


@POLICIES.register("poly")
def poly(solver: Solver, iteration: int) -> float:
    """base_lr * (1 - iteration / max_iter) ^ power"""
    return solver.base_lr * float((1 - iteration / _needs(solver, "max_iter")) ** solver.power)


@POLICIES.register("sigmoid")
def sigmoid(solver: Solver, iteration: int) -> float:
    """base_lr / (1 + exp(-gamma * (iteration - stepsize)))"""
    x = -solver.gamma * (iteration - solver.stepsize)
    # Beyond this exp overflows, and the rate is 0 long before.
    return solver.base_lr / (1 + exp(x)) if x < 700 else 0.0


@POLICIES.register("cosine")
def cosine(solver: Solver, iteration: int) -> float:
    """Half a cosine from base_lr to base_lr * final_factor (Loshchilov and Hutter 2016), without restarts"""
    return _annealed(solver.base_lr, solver.base_lr * solver.xdn.final_factor, iteration / _needs(solver, "max_iter"))


@POLICIES.register("onecycle")
def onecycle(solver: Solver, iteration: int) -> float:
    """Half a cosine up to base_lr within the share `warmup` of max_iter, half a cosine down (Smith and Topin 2017)"""
    peak, recipe = solver.base_lr, solver.xdn
    ends = peak * recipe.initial_factor, peak * recipe.final_factor
    rising, share = _cycle(solver, iteration)
    return _annealed(ends[0], peak, share) if rising else _annealed(peak, ends[1], share)


def _annealed(start: float, end: float, share: float) -> float:
    """Return the value at `share` (0..1) of half a cosine from `start` to `end`."""
    return end + (start - end) / 2 * (1 + cos(pi * share))


def _cycle(solver: Solver, iteration: int) -> tuple[bool, float]:
    """Return whether the rate rises at `iteration`, and at which share (0..1) of this part of the cycle it is.

    The counting of iterations is that of PyTorch's OneCycleLR.
    """
    last = max(_needs(solver, "max_iter") - 1, 1)
    top = solver.xdn.warmup * solver.max_iter - 1
    if iteration <= top:
        return True, iteration / top if top > 0 else 1.0
    return False, min((iteration - top) / (last - top), 1.0) if last > top else 1.0


def checked_policy(solver: Solver) -> Policy:
    """Return the solver's policy.

    Raises
    ------
    UnknownNameError
        Saying where, with the nearest known policies.
    SettingError
        Where a field that the policy needs is missing, or the rate is not a finite number at the end.
    """
    with placed(solver.place("lr_policy"), UnknownNameError):
        policy = POLICIES[solver.lr_policy]
    for iteration in (0, max(solver.max_iter - 1, 0)):
        try:
            rate = policy(solver, iteration)
        except OverflowError:
            rate = float("inf")
        if not isfinite(rate):
            what = f"the learning rate is beyond all numbers at iteration {iteration}"
            raise SettingError(what, where=solver.place("lr_policy"))
    return policy


def learning_rate(solver: Solver, iteration: int) -> float:
    """Return the solver's learning rate at `iteration`, counted from 0, its linear warm-up included."""
    rate = POLICIES[solver.lr_policy](solver, iteration)
    warmup = solver.xdn.warmup_iter
    return rate * min(1.0, (iteration + 1) / warmup) if warmup else rate


def momentum(solver: Solver, iteration: int) -> float:
    """Return the momentum at `iteration`: lowest where a one-cycle rate is greatest, if `low_momentum` says so."""
    low = solver.xdn.low_momentum
    if solver.lr_policy != "onecycle" or not low:
        return solver.momentum
    rising, share = _cycle(solver, iteration)
    return _annealed(solver.momentum, low, share) if rising else _annealed(low, solver.momentum, share)
