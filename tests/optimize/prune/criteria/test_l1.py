"""L1 norms, counted one filter at a time."""

import numpy as np

from tests.optimize.prune.nets import factor, importance, mixed_net, small_resnet


def test_tied_layers_add_up_with_their_factors():
    net = small_resnet()
    expected = [
        sum(
            np.abs(net.layer(name).weights["weight"][i] * factor(net, f"{name}_")[i]).sum() for name in ("stem", "oneb")
        )
        for i in range(8)
    ]
    # Fusion rounds each weight to f32.
    np.testing.assert_allclose(importance("l1", net, "stem"), expected, rtol=1e-6)


def test_filters_of_one_unit_add_up():
    net = mixed_net()
    first, depthwise, grouped = (net.layer(name).weights["weight"] for name in ("a", "dw", "grouped"))
    folded = np.abs(first * factor(net, "").reshape(-1, 1, 1, 1)).sum(axis=(1, 2, 3))
    whole = folded + np.abs(depthwise).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(importance("l1", net, "a"), whole[:4] + whole[4:], rtol=1e-6)
    each = np.abs(grouped).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(importance("l1", net, "grouped"), each[:6] + each[6:], rtol=1e-6)
    rows = np.abs(net.layer("hidden").weights["weight"]).sum(axis=1)
    np.testing.assert_allclose(importance("l1", net, "hidden"), rows, rtol=1e-6)
