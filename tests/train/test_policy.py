"""Learning rates: Caffe's formulas by hand, one cycle as PyTorch computes it, errors that name the place."""

import math

import pytest
import torch

from xdn.errors import SettingError, UnknownNameError
from xdn.frontend.solver import Recipe, Solver
from xdn.train.policy import POLICIES, checked_policy, learning_rate, momentum

NUMBERS = {"base_lr": 0.5, "gamma": 0.1, "power": 0.75, "stepsize": 10, "stepvalue": (5, 12), "max_iter": 40}


@pytest.mark.parametrize(
    ("policy", "iteration", "expected"),
    [
        ("fixed", 17, 0.5),
        ("step", 9, 0.5),
        ("step", 10, 0.05),
        ("step", 39, 0.0005),
        ("exp", 3, 0.5 * 0.1**3),
        ("inv", 20, 0.5 * 3**-0.75),
        ("multistep", 4, 0.5),
        ("multistep", 5, 0.05),
        ("multistep", 12, 0.005),
        ("poly", 0, 0.5),
        ("poly", 30, 0.5 * 0.25**0.75),
        ("sigmoid", 10, 0.25),
        ("sigmoid", 20, 0.5 / (1 + math.exp(-1))),
        ("cosine", 0, 0.5),
        ("cosine", 20, 0.25),
        ("cosine", 40, 0.0),
    ],
)
def test_rates(policy, iteration, expected):
    solver = Solver(lr_policy=policy, **NUMBERS)
    assert learning_rate(solver, iteration) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(("warmup", "steps"), [(0.25, 40), (0.3, 33), (0.5, 7)])
def test_one_cycle_is_that_of_pytorch(warmup, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=steps, pct_start=warmup)
    recipe = Recipe(warmup=warmup, initial_factor=0.04, final_factor=4e-6, low_momentum=0.85)
    solver = Solver(lr_policy="onecycle", base_lr=0.2, momentum=0.95, max_iter=steps, xdn=recipe)
    for iteration in range(steps):
        (group,) = optimizer.param_groups
        assert learning_rate(solver, iteration) == pytest.approx(group["lr"], rel=1e-9)
        assert momentum(solver, iteration) == pytest.approx(group["momentum"], rel=1e-9)
        optimizer.step()
        if iteration < steps - 1:
            schedule.step()


@pytest.mark.parametrize("max_iter", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.5, 1.0])
def test_one_cycle_of_few_iterations(max_iter, warmup):
    solver = Solver(lr_policy="onecycle", base_lr=1.0, max_iter=max_iter, xdn=Recipe(warmup=warmup))
    assert all(0 <= learning_rate(solver, i) <= 1 for i in range(max_iter))


def test_momentum_stays_where_nothing_says_otherwise():
    solver = Solver(lr_policy="onecycle", momentum=0.9, max_iter=10)
    assert {momentum(solver, i) for i in range(10)} == {0.9}
    assert momentum(Solver(momentum=0.9, xdn=Recipe(low_momentum=0.5)), 5) == 0.9


def test_warm_up_is_linear():
    solver = Solver(base_lr=1.0, xdn=Recipe(warmup_iter=4))
    assert [learning_rate(solver, i) for i in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_an_unknown_policy_names_the_place_and_the_nearest():
    solver = Solver(lr_policy="stepp", places={"lr_policy": "s.prototxt:3:1"})
    with pytest.raises(UnknownNameError, match=r"s.prototxt:3:1: .*'stepp'. The nearest known: .*step"):
        checked_policy(solver)


@pytest.mark.parametrize("policy", ["step", "poly", "cosine", "onecycle"])
def test_a_policy_says_what_it_needs(policy):
    with pytest.raises(SettingError, match=rf"{policy} needs (stepsize|max_iter)"):
        checked_policy(Solver(lr_policy=policy))


@pytest.mark.parametrize("policy", ["exp", "multistep"])
def test_a_rate_beyond_all_numbers_is_refused(policy):
    values = {"gamma": 1e30, "stepvalue": tuple(range(1000)), "max_iter": 10**9}
    with pytest.raises(SettingError, match="beyond all numbers at iteration 999999999"):
        checked_policy(Solver(lr_policy=policy, **values))


def test_every_policy_says_its_formula():
    assert all(line for _, line in POLICIES.describe())
    assert all(checked_policy(Solver(lr_policy=name, **NUMBERS)) for name in POLICIES)
