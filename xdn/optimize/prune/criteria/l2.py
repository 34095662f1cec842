"""The filters' L2 norm."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import CRITERIA, Criterion
from xdn.optimize.prune.evidence import Evidence


@CRITERIA.register("l2")
class L2(Criterion):
    """The Euclidean norm of a filter, BatchNorm's and Scale's factors folded in.

    The source is He et al., "Soft Filter Pruning" (2018). Layers that are tied count as one long filter.
    """

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sqrt(sum over the layers of sum_{c,r,s} W[k,c,r,s]^2)."""
        squares = {name: np.square(weight) for name, weight in evidence.weights(group).items()}
        return np.asarray(np.sqrt(evidence.sums(group, squares)))
