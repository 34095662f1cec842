"""The filters' L1 norm."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import CRITERIA, Criterion
from xdn.optimize.prune.evidence import Evidence


@CRITERIA.register("l1")
class L1(Criterion):
    """The sum of the absolute weights of a filter, BatchNorm's and Scale's factors folded in.

    The source is Li et al., "Pruning Filters for Efficient ConvNets" (2017). Of layers that are tied the sums add up.
    """

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sum over the layers of sum_{c,r,s} |W[k,c,r,s]|."""
        return evidence.sums(group, {name: np.abs(weight) for name, weight in evidence.weights(group).items()})
