"""First-order estimate of what a filter's removal does to the loss."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import CRITERIA, Criterion
from xdn.optimize.prune.evidence import Evidence


@CRITERIA.register("taylor")
class Taylor(Criterion):
    """The squared first-order change of the loss when a filter is set to zero, the mean over batches.

    The source is Molchanov et al., "Importance Estimation for Neural Network Pruning" (2019), equation 8. Layers that
    are tied count as one filter.
    """

    comparable = True

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """mean over batches of (sum over the layers and over c,r,s of g * W)^2."""
        total = np.zeros(len(group.units))
        for gradients in evidence.gradients:
            products = {
                name: (gradients[name, "weight"] * evidence.net.layer(name).weights["weight"]).astype(np.float64)
                for name in group.filters
            }
            total += np.square(evidence.sums(group, products))
        return total / len(evidence.gradients)
