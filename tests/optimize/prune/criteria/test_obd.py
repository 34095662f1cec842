"""The second-order change of the loss, with gradients made up."""

import numpy as np

from tests.optimize.prune.nets import gradients_for, importance, mixed_net
from xdn.optimize.prune.instruments import Instruments


def test_every_weight_counts_by_its_own_curvature():
    net = mixed_net()
    gradients = gradients_for(net, 3)
    expected = np.zeros(4)
    for unit in range(4):
        for name in ("a", "dw"):
            for channel in (unit, unit + 4):
                weights = net.layer(name).weights["weight"][channel].astype(np.float64)
                fisher = np.mean([batch[name, "weight"][channel] ** 2 for batch in gradients(net)], axis=0)
                expected[unit] += (weights**2 / 2 * fisher).sum()
    np.testing.assert_allclose(importance("obd", net, "a", Instruments(gradients=gradients)), expected, rtol=1e-6)
