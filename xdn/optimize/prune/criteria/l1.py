"""The filters' L1 norm."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import Criterion, criterion
from xdn.optimize.prune.evidence import Evidence


@criterion
class L1(Criterion):
    """The sum of the absolute weights of a filter, BatchNorm's and Scale's factors folded in.

    The source is Li et al., "Pruning Filters for Efficient ConvNets" (2017). Of layers that are tied the sums add up.
    """

    name = "l1"

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sum over the layers of sum_{c,r,s} |W[k,c,r,s]|."""
        units = len(group.units)
        return sum(
            (rows.total(np.abs(rows.values).sum(axis=1), units) for rows in evidence.filters(group)), np.zeros(units)
        )
