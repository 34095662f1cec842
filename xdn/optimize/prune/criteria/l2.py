"""The filters' L2 norm."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import Criterion, criterion
from xdn.optimize.prune.evidence import Evidence


@criterion
class L2(Criterion):
    """The Euclidean norm of a filter, BatchNorm's and Scale's factors folded in.

    The source is He et al., "Soft Filter Pruning" (2018). Layers that are tied count as one long filter.
    """

    name = "l2"

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sqrt(sum over the layers of sum_{c,r,s} W[k,c,r,s]^2)."""
        units = len(group.units)
        squares = (rows.total(np.square(rows.values).sum(axis=1), units) for rows in evidence.filters(group))
        return np.sqrt(sum(squares, np.zeros(units)))
