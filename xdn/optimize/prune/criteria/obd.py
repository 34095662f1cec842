"""Second-order estimate of what a filter's removal does to the loss."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import Criterion, criterion
from xdn.optimize.prune.evidence import Evidence


@criterion
class OptimalBrainDamage(Criterion):
    """The second-order change of the loss when a filter is set to zero, by the diagonal of the Hessian.

    The source is LeCun, Denker and Solla, "Optimal Brain Damage" (1990); the diagonal is estimated by the squared
    gradients of batches, the empirical Fisher information (Theis et al. 2018).
    """

    name = "obd"
    needs_gradients = True
    comparable = True

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sum over the layers and over c,r,s of W^2 / 2 * mean over batches of g^2."""
        units = len(group.units)
        total = np.zeros(units)
        for name in group.filters:
            layer = evidence.net.layer(name)
            fisher = sum(np.square(gradients[name, "weight"], dtype=np.float64) for gradients in evidence.gradients)
            rows = evidence.rows(group, layer, "weight", np.square(layer.weights["weight"]) * fisher)
            total += rows.total(rows.values.sum(axis=1), units)
        return total / (2 * len(evidence.gradients))
