"""First-order estimate of what a filter's removal does to the loss."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import Criterion, criterion
from xdn.optimize.prune.evidence import Evidence


@criterion
class Taylor(Criterion):
    """The squared first-order change of the loss when a filter is set to zero, the mean over batches.

    The source is Molchanov et al., "Importance Estimation for Neural Network Pruning" (2019), equation 8. Layers that
    are tied count as one filter.
    """

    name = "taylor"
    needs_gradients = True
    comparable = True

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """mean over batches of (sum over the layers and over c,r,s of g * W)^2."""
        units = len(group.units)
        total = np.zeros(units)
        for gradients in evidence.gradients:
            change = np.zeros(units)
            for name in group.filters:
                layer = evidence.net.layer(name)
                product = gradients[name, "weight"] * layer.weights["weight"]
                rows = evidence.rows(group, layer, "weight", product)
                change += rows.total(rows.values.sum(axis=1, dtype=np.float64), units)
            total += np.square(change)
        return total / len(evidence.gradients)
