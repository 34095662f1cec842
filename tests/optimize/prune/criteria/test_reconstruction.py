"""Greedy removal against all orders of removal, and the errors that it states against those of the layer."""

from itertools import combinations

import numpy as np
import pytest

from tests.optimize.prune.nets import images_for, importance, mixed_net, small_resnet
from xdn.optimize.prune import contributions
from xdn.optimize.prune.criteria.reconstruction import greedy
from xdn.optimize.prune.instruments import Instruments

UNITS = 6


def error(gram, removed):
    """Return ||sum of the removed channels' contributions||^2."""
    return gram[np.ix_(removed, removed)].sum()


@pytest.mark.parametrize("seed", range(20))
def test_each_removal_costs_least(seed):
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((10, UNITS))
    gram = parts.T @ parts
    found = greedy(gram)
    order = list(np.argsort(found, kind="stable"))
    worst = 0.0
    for count in range(1, UNITS + 1):
        before, chosen = order[: count - 1], order[count - 1]
        errors = {unit: error(gram, [*before, unit]) for unit in range(UNITS) if unit not in before}
        assert chosen == min(errors, key=errors.get)
        worst = max(worst, errors[chosen])
        np.testing.assert_allclose(found[chosen], worst)
    # The first is the best of all single removals, and no set of its size loses less than the best one.
    assert found.min() == pytest.approx(min(error(gram, [unit]) for unit in range(UNITS)))
    best = [min(error(gram, list(some)) for some in combinations(range(UNITS), n)) for n in range(1, UNITS + 1)]
    assert all(np.sort(found)[n] >= best[n] - 1e-9 for n in range(UNITS))


def test_channels_that_cancel_each_other_go_one_after_the_other():
    """0 and 2 are opposite: once one has gone the other costs nothing, and comes before 1, which costs more."""
    parts = np.array([[1.0, 0, -1], [0, 3, 0]])
    found = greedy(parts.T @ parts)
    assert np.argsort(found, kind="stable").tolist() == [0, 2, 1]
    assert found[0] < found[2] < found[1]
    # In whatever order they stand.
    found = greedy(parts[:, ::-1].T @ parts[:, ::-1])
    assert np.argsort(found, kind="stable").tolist() == [0, 2, 1]


def feature_map_error(net, reader, images, channels):
    """Return the energy that a layer's outputs lose without some channels of its bottom, means left out."""
    blobs = net.forward(images)
    layer = net.layer(reader)
    bottom = blobs[layer.bottoms[0]].copy()
    bottom[:, channels] = 0
    (without,) = layer.forward([bottom])
    top = blobs[layer.tops[0]].astype(np.float64)
    axes = (0, *range(2, top.ndim))
    lost = top - without
    centred = [x - x.mean(axis=axes, keepdims=True) for x in (lost, top)]
    return np.square(centred[0]).sum() / np.square(centred[1]).sum()


# 60,000 samples of each filter, drawn from the images' outputs: their energy errs by about 1 %.
@pytest.mark.parametrize(
    ("net", "group", "removed"),
    [
        (small_resnet(), "onea", {"oneb": lambda unit: [unit]}),
        (mixed_net(), "a", {"grouped": lambda unit: [unit, unit + 4], "side": lambda unit: [unit, unit + 4]}),
        (mixed_net(), "side", {"hidden": lambda unit: np.arange(16 * (12 + unit), 16 * (13 + unit)).tolist()}),
    ],
    ids=["one reader", "two readers", "a flattened part of a concatenation"],
)
def test_the_first_to_go_costs_what_the_layer_loses(net, group, removed, monkeypatch):
    monkeypatch.setattr(contributions, "SAMPLES", 60_000)
    images = images_for(net, 8)
    found = importance("reconstruction", net, group, Instruments(images=images))
    alone = [
        sum(feature_map_error(net, reader, images, channels(unit)) for reader, channels in removed.items())
        for unit in range(len(found))
    ]
    assert found.argmin() == np.argmin(alone)
    np.testing.assert_allclose(found.min(), min(alone), rtol=0.05)
