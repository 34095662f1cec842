"""Reinforcement learning: a distribution over each axis's values follows what was good (Williams 1992, REINFORCE).

The policy is a product of softmaxes, one an axis. After each batch every logit moves along the gradient::

    reward(point) = -log(score)
    advantage     = (reward - mean of the batch and of the last ones) / their standard deviation
    logit[v]     += RATE * mean over points (advantage * ((v was chosen) - p(v)))

An entropy term keeps the policy from being certain too soon.
"""

from collections import deque

import numpy as np

from xdn.graph import Array
from xdn.tune.search import BATCH, SEARCHES, Hints, Request, Search
from xdn.tune.search.random import unseen
from xdn.tune.space import Point, Space

#: Step along the gradient, and the weight of the entropy in it.
RATE, ENTROPY = 1.0, 0.02
#: Rewards that say what is usual.
MEMORY = 4 * BATCH


@SEARCHES.register("policy-gradient")
def policy_gradient(space: Space, rng: np.random.Generator, hints: Hints) -> Search:
    """Draw points from a policy that learns from their scores."""
    logits = [np.zeros(len(axis.values)) for axis in space.axes]
    usual: deque[float] = deque(maxlen=MEMORY)
    seen: set[Point] = set()

    def drawn() -> Point:
        """Return a point of the policy as it is."""
        values = (
            axis.values[rng.choice(len(axis.values), p=_probabilities(logit))]
            for axis, logit in zip(space.axes, logits, strict=True)
        )
        return space.repaired(tuple(values), rng)

    while batch := unseen(drawn, BATCH, seen):
        scores = yield Request(tuple(batch))
        rewards = [-float(np.log(score)) if 0 < score < np.inf else None for score in scores]
        usual.extend(reward for reward in rewards if reward is not None)
        if not usual:
            continue
        # What failed is as bad as the worst that did not.
        filled = np.array([min(usual) if reward is None else reward for reward in rewards])
        advantages = (filled - np.mean(usual)) / (np.std(usual) + 1e-6)
        _learn(space, logits, batch, advantages)


def _probabilities(logit: Array) -> Array:
    exponentials = np.exp(logit - logit.max())
    found: Array = exponentials / exponentials.sum()
    return found


def _learn(space: Space, logits: list[Array], batch: list[Point], advantages: Array) -> None:
    """Move the logits along the gradient."""
    for place, (axis, logit) in enumerate(zip(space.axes, logits, strict=True)):
        p = _probabilities(logit)
        gradient = np.zeros_like(logit)
        for point, advantage in zip(batch, advantages, strict=True):
            chosen = np.arange(len(p)) == axis.values.index(point[place])
            gradient += advantage * (chosen - p)
        entropy = -(p * np.log(p + 1e-12)).sum()
        logit += RATE * gradient / len(batch) - ENTROPY * p * (np.log(p + 1e-12) + entropy)
