"""Warp and FlowWarp against their references: the same products, added up in the same order."""

import numpy as np
import pytest

from tests.kernels.checks import BATCH, check_net, exact, feed_for, one_layer_net


@pytest.mark.parametrize("image", [(10, 5, 4), (3, 1, 6)])
@pytest.mark.parametrize(
    ("kind", "params"), [("Warp", {}), ("FlowWarp", {}), ("FlowWarp", {"fill_value": "NOT_A_NUMBER"})]
)
def test_within_and_beyond_the_image(rng, kind, params, image):
    net = one_layer_net(kind, image, (2, *image[1:]), **params)
    feed = feed_for(net, BATCH)
    feed["x1"] = rng.uniform(-4, 9, feed["x1"].shape).astype(np.float32)
    # Whole places, the last row and column, and what is no place at all.
    feed["x1"][0] = np.rint(feed["x1"][0])
    feed["x1"][1, 0, 0, :2] = np.nan, np.inf
    feed["x1"][1, 1, 0, 2:4] = np.nan, -np.inf
    check_net(net, exact, feed)
