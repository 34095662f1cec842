"""Caffe's solvers: against their published formulas in f64, and against PyTorch's own where both mean the same."""

import sys

import numpy as np
import pytest
import torch

from xdn.errors import NetError, UnknownNameError
from xdn.frontend.solver import Solver
from xdn.graph import ParamSpec
from xdn.train.optimizer import OPTIMIZERS, ScaleSpec, optimizer_for

STEPS = 6
#: f32 against f64 over a few steps of sums, squares and roots.
TOLERANCE = 1e-5
MOMENTUM = {"SGD": 0.9, "Nesterov": 0.9, "AdaGrad": 0.0, "RMSProp": 0.0, "AdaDelta": 0.95, "Adam": 0.9}
#: Rates that change, as those of a policy do.
RATES = [0.1 / (1 + i) for i in range(STEPS)]


def sgd(s, t, lr, g, h):
    h["v"] = s.momentum * h.get("v", 0) + lr * g
    return h["v"]


def nesterov(s, t, lr, g, h):
    before = h.get("v", 0)
    h["v"] = s.momentum * before + lr * g
    return (1 + s.momentum) * h["v"] - s.momentum * before


def adagrad(s, t, lr, g, h):
    h["h"] = h.get("h", 0) + g**2
    return lr * g / (np.sqrt(h["h"]) + s.delta)


def rmsprop(s, t, lr, g, h):
    h["h"] = s.rms_decay * h.get("h", 0) + (1 - s.rms_decay) * g**2
    return lr * g / (np.sqrt(h["h"]) + s.delta)


def adadelta(s, t, lr, g, h):
    h["h"] = s.momentum * h.get("h", 0) + (1 - s.momentum) * g**2
    update = g * np.sqrt((s.delta + h.get("d", 0)) / (s.delta + h["h"]))
    h["d"] = s.momentum * h.get("d", 0) + (1 - s.momentum) * update**2
    return lr * update


def adam(s, t, lr, g, h):
    h["m"] = s.momentum * h.get("m", 0) + (1 - s.momentum) * g
    h["v"] = s.momentum2 * h.get("v", 0) + (1 - s.momentum2) * g**2
    return lr * np.sqrt(1 - s.momentum2**t) / (1 - s.momentum**t) * h["m"] / (np.sqrt(h["v"]) + s.delta)


FORMULAS = {
    "SGD": sgd, "Nesterov": nesterov, "AdaGrad": adagrad, "RMSProp": rmsprop, "AdaDelta": adadelta, "Adam": adam,
}  # fmt: skip
SPECS = (ParamSpec(), ParamSpec(2.0, 0.0), ParamSpec(0.5, 3.0))


def gradients(rng):
    return [[rng.standard_normal((3, 4)) for _ in SPECS] for _ in range(STEPS)]


def trained(solver, specs, weights, steps, rates):
    """Return the weights (f32) after the optimizer's steps."""
    tensors = [torch.tensor(w, dtype=torch.float32, requires_grad=True) for w in weights]
    optimizer = optimizer_for(solver, zip(tensors, specs, strict=True))
    for rate, gradient in zip(rates, steps, strict=True):
        for tensor, g in zip(tensors, gradient, strict=True):
            tensor.grad = torch.tensor(g, dtype=torch.float32)
        optimizer.set_rate(rate, solver.momentum)
        optimizer.step()
    return [tensor.detach().numpy() for tensor in tensors]


def by_formula(solver, specs, weights, steps, rates):
    """Return the weights (f64) after Caffe's arithmetic, as its sources write it."""
    weights, kept = [w.copy() for w in weights], [{} for _ in weights]
    for t, (rate, gradient) in enumerate(zip(rates, steps, strict=True), 1):
        norm = np.sqrt(sum((g**2).sum() for g in gradient))
        clip = solver.clip_gradients
        factor = (clip / norm if 0 <= clip < norm else 1.0) / solver.iter_size
        for w, g, spec, h in zip(weights, gradient, specs, kept, strict=True):
            decay = solver.weight_decay * spec.decay_mult
            regularized = g * factor + decay * (w if solver.regularization_type == "L2" else np.sign(w))
            w -= FORMULAS[solver.type](solver, t, rate * spec.lr_mult, regularized, h)
    return weights


@pytest.mark.parametrize("options", [{}, {"clip_gradients": 1.5, "iter_size": 3}, {"regularization_type": "L1"}])
@pytest.mark.parametrize("kind", sorted(FORMULAS))
def test_published_formulas(kind, options, rng):
    solver = Solver(type=kind, momentum=MOMENTUM[kind], delta=1e-6, weight_decay=0.01, **options)
    weights, steps = [rng.standard_normal((3, 4)) for _ in SPECS], gradients(rng)
    found = trained(solver, SPECS, weights, steps, RATES)
    expected = by_formula(solver, SPECS, weights, steps, RATES)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)


def pytorchs(kind, params):
    """Return PyTorch's optimizer that means the same at a constant rate."""
    decay = {"lr": 0.1, "weight_decay": 0.01}
    return {
        "SGD": lambda: torch.optim.SGD(params, momentum=0.9, **decay),
        "Nesterov": lambda: torch.optim.SGD(params, momentum=0.9, nesterov=True, **decay),
        "AdaGrad": lambda: torch.optim.Adagrad(params, eps=1e-8, **decay),
        "RMSProp": lambda: torch.optim.RMSprop(params, alpha=0.99, eps=1e-8, **decay),
        "AdaDelta": lambda: torch.optim.Adadelta(params, rho=0.95, eps=1e-8, **decay),
        "Adam": lambda: torch.optim.Adam(params, betas=(0.9, 0.999), eps=1e-8, **decay),
    }[kind]()


@pytest.mark.parametrize("kind", sorted(FORMULAS))
def test_pytorch_computes_the_same_at_a_constant_rate(kind, rng):
    weights, steps = [rng.standard_normal((3, 4)) for _ in SPECS], gradients(rng)
    solver = Solver(type=kind, momentum=MOMENTUM[kind], weight_decay=0.01)
    found = trained(solver, [ParamSpec()] * len(SPECS), weights, steps, [0.1] * STEPS)
    tensors = [torch.tensor(w, dtype=torch.float32, requires_grad=True) for w in weights]
    optimizer = pytorchs(kind, tensors)
    for gradient in steps:
        for tensor, g in zip(tensors, gradient, strict=True):
            tensor.grad = torch.tensor(g, dtype=torch.float32)
        optimizer.step()
    for a, b in zip(found, tensors, strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), rtol=TOLERANCE, atol=TOLERANCE)


def test_every_type_has_its_formula_here():
    assert set(OPTIMIZERS) == set(FORMULAS)


def test_a_weight_with_lr_mult_0_stays(rng):
    weights = [rng.standard_normal((3, 4)) for _ in range(2)]
    tensors = [torch.tensor(w, requires_grad=True) for w in weights]
    optimizer = optimizer_for(Solver(), zip(tensors, (ParamSpec(0.0, 1.0), ParamSpec()), strict=True))
    (tensors[0].sum() + tensors[1].sum()).backward()
    optimizer.set_rate(0.1, 0.0)
    optimizer.step()
    assert tensors[0].grad is None
    np.testing.assert_array_equal(tensors[0].detach().numpy(), weights[0])
    assert not np.array_equal(tensors[1].detach().numpy(), weights[1])


@pytest.mark.parametrize("kind", ["Adam", "RMSProp", "AdaGrad"])
def test_scales_move_by_shares_of_them(kind):
    scales = torch.tensor([0.002, -3.0], requires_grad=True)
    optimizer = optimizer_for(Solver(type=kind, delta=1e-12), [(scales, ScaleSpec())])
    optimizer.set_rate(0.01, 0.0)
    scales.grad = torch.tensor([70.0, 1e-3])
    before = scales.detach().clone()
    optimizer.step()
    share = 0.01 if kind != "RMSProp" else 0.01 / (1 - optimizer.solver.rms_decay) ** 0.5
    np.testing.assert_allclose((before - scales.detach()) / before.abs(), share, rtol=1e-4)


def test_nothing_to_train_is_refused():
    with pytest.raises(NetError, match="no weights to train"):
        optimizer_for(Solver(), [(torch.zeros(1), ParamSpec(lr_mult=0.0))])


@pytest.mark.parametrize("spec", [ParamSpec(lr_mult=-1.0), ParamSpec(decay_mult=float("nan"))])
def test_multipliers_that_mean_nothing_are_refused(spec):
    with pytest.raises(NetError, match="lr_mult and decay_mult"):
        optimizer_for(Solver(), [(torch.zeros(1), spec)])


def test_an_unknown_type_names_the_place_and_the_nearest():
    solver = Solver(type="Adamm", places={"type": "s.prototxt:3:1"})
    with pytest.raises(UnknownNameError, match=r"s.prototxt:3:1: .*'Adamm'. The nearest known: Adam"):
        optimizer_for(solver, [])


def test_pytorchs_compiler_is_not_imported(monkeypatch):
    """Its import takes seconds; None among the modules makes it an error."""
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)
    weight = torch.ones(3, requires_grad=True)
    optimizer = optimizer_for(Solver(), [(weight, ParamSpec())])
    optimizer.set_rate(0.1, 0.9)
    optimizer.zero_grad()
    weight.sum().backward()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    assert (weight < 1).all()
