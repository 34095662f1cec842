"""Second-order estimate of what a filter's removal does to the loss."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import CRITERIA, Criterion
from xdn.optimize.prune.evidence import Evidence


@CRITERIA.register("obd")
class OptimalBrainDamage(Criterion):
    """The second-order change of the loss when a filter is set to zero, by the diagonal of the Hessian.

    The source is LeCun, Denker and Solla, "Optimal Brain Damage" (1990); the diagonal is estimated by the squared
    gradients of batches, the empirical Fisher information (Theis et al. 2018).
    """

    comparable = True

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sum over the layers and over c,r,s of W^2 / 2 * mean over batches of g^2."""
        changes = {
            name: np.square(evidence.net.layer(name).weights["weight"])
            * sum(np.square(gradients[name, "weight"], dtype=np.float64) for gradients in evidence.gradients)
            for name in group.filters
        }
        return evidence.sums(group, changes) / (2 * len(evidence.gradients))
