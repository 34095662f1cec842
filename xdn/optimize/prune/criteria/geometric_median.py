"""How far a filter is from the others of its layer."""

import numpy as np
from scipy.spatial.distance import pdist, squareform

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import CRITERIA, Criterion
from xdn.optimize.prune.evidence import Evidence


@CRITERIA.register("geometric-median")
class GeometricMedian(Criterion):
    """The sum of a filter's distances to the other filters of its layer: those near the median can be replaced.

    The source is He et al., "Filter Pruning via Geometric Median" (2019). Factors of BatchNorm and Scale are folded
    in; of layers that are tied the sums add up.
    """

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sum over the layers of sum_j ||W[k] - W[j]||."""
        filters = evidence.filters(group, evidence.weights(group))
        distances = (rows.total(squareform(pdist(rows.values)).sum(axis=1)) for rows in filters)
        return sum(distances, np.zeros(len(group.units)))
