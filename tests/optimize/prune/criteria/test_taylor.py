"""The first-order change of the loss, with gradients made up."""

import numpy as np

from tests.optimize.prune.nets import gradients_for, importance, mixed_net
from xdn.optimize.prune.instruments import Instruments


def test_tied_layers_are_one_filter():
    net = mixed_net()
    gradients = gradients_for(net, 3)
    expected = np.zeros(4)
    for unit in range(4):
        for batch in gradients(net):
            change = 0.0
            for name in ("a", "dw"):
                for channel in (unit, unit + 4):
                    change += (batch[name, "weight"][channel] * net.layer(name).weights["weight"][channel]).sum()
            expected[unit] += change**2 / 3
    np.testing.assert_allclose(importance("taylor", net, "a", Instruments(gradients=gradients)), expected)


def test_changes_of_a_batch_cancel_and_those_of_batches_do_not():
    net = mixed_net()
    rows = net.layer("hidden").weights["weight"].astype(np.float64)
    width = rows.shape[1]
    assert width % 2 == 0
    # Every weight changes the loss by 1, or by 1 and -1 in turn.
    alike = {("hidden", "weight"): 1 / rows}
    in_turn = {("hidden", "weight"): np.tile([1, -1], width // 2) / rows}
    opposite = {("hidden", "weight"): -1 / rows}
    for batches, expected in (
        ([alike], width**2),
        ([in_turn], 0),
        ([alike, opposite], width**2),
        ([alike, in_turn], width**2 / 2),
    ):
        found = importance("taylor", net, "hidden", Instruments(gradients=lambda given, batches=batches: batches))
        np.testing.assert_allclose(found, expected, atol=1e-9 * width**2)
