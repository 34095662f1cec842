"""How much worse the next layers can be reconstructed without a channel."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.contributions import contributions
from xdn.optimize.prune.criterion import Criterion, criterion
from xdn.optimize.prune.evidence import Evidence


@criterion
class Reconstruction(Criterion):
    """The error of the next layer's feature map when channels go one after another, each time the one that costs least.

    The source is Luo et al., "ThiNet" (2017), algorithm 1, as He et al., "Channel Pruning" (2017) state the error;
    each contribution counts without its mean, which a bias absorbs. The importance is the share of the feature map's
    energy that is lost once the channel has gone, those before it included; of several readers the shares add up.
    """

    name = "reconstruction"
    needs_images = True
    comparable = True
    cumulative = True

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sum over the readers of ||sum of the removed channels' contributions||^2 / ||output||^2, in greedy order."""
        units = len(group.units)
        gram = np.zeros((units, units))
        for name in group.readers:
            parts, whole = contributions(group, evidence, evidence.net.layer(name))
            gram += parts.T @ parts / max(np.square(whole).sum(), np.finfo(np.float32).tiny)
        return greedy(gram)


def greedy(gram: Array) -> Array:
    """Return the error after each removal, at the place of the channel that is removed then."""
    units = len(gram)
    error, cross = 0.0, np.zeros(units)
    left, importance = np.ones(units, bool), np.zeros(units)
    worst = 0.0
    for _ in range(units):
        growth = np.where(left, 2 * cross + gram.diagonal(), np.inf)
        chosen = int(growth.argmin())
        error += growth[chosen]
        cross += gram[:, chosen]
        left[chosen] = False
        # Two channels that cancel each other lower the error again; the order of removal must be kept nevertheless.
        worst = max(np.nextafter(worst, np.inf), error)
        importance[chosen] = worst
    return importance
