"""L2 norms, counted one filter at a time."""

import numpy as np

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import factor, importance, small_resnet


def test_tied_layers_are_one_long_filter():
    net = small_resnet()
    expected = []
    for i in range(8):
        parts = [(net.layer(n).weights["weight"][i] * factor(net, f"{n}_")[i]).ravel() for n in ("stem", "oneb")]
        expected.append(np.linalg.norm(np.concatenate(parts)))
    # Fusion rounds each weight to f32.
    np.testing.assert_allclose(importance("l2", net, "stem"), expected, rtol=1e-6)


def test_transposed_rows_are_columns():
    net = net_of(
        data(2, 3, 2, 2),
        conv("first", "data", 4),
        layer("InnerProduct", "hidden", ["first"], num_output=5, transpose=True),
        layer("InnerProduct", "last", ["hidden"], num_output=2),
    )
    weight = net.layer("hidden").weights["weight"]
    assert weight.shape == (16, 5)
    np.testing.assert_allclose(importance("l2", net, "hidden"), np.linalg.norm(weight, axis=0), rtol=1e-6)
