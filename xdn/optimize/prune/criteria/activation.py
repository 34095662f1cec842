"""How much a channel moves what the next layers compute."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import CRITERIA, Criterion
from xdn.optimize.prune.evidence import Evidence


@CRITERIA.register("activation")
class ActivationEffect(Criterion):
    """The share of the next layer's activations that a channel moves: its variance times the weights that read it.

    Its mean counts for nothing: a constant is absorbed by the next layer's bias or its BatchNorm's mean, as
    recalibration does. Where several layers read the channels the shares add up.
    """

    comparable = True

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sum over the readers of Var[x_c] * sum_{k,r,s} W[k,c,r,s]^2 / sum over all its channels of the same."""
        units = len(group.units)
        total = np.zeros(units)
        for name in group.readers:
            layer = evidence.net.layer(name)
            weight, axis = evidence.input_axis(layer)
            blob = evidence.activations[layer.bottoms[0]]
            variance = blob.var(axis=(0, *range(2, blob.ndim)), dtype=np.float64)
            # The axis runs over the channels of one group; filters and channels of the others follow group by group.
            groups = len(variance) // (axis.channels.max() + 1)
            variance = variance.reshape(groups, -1)[:, axis.channels].T
            energy = np.square(weight, dtype=np.float64).reshape(len(weight), groups, -1).sum(axis=2)
            moved = (energy * variance).sum(axis=1)
            place = evidence.places(group, layer, axis)
            if moved.any():
                total += np.bincount(place[place >= 0], weights=moved[place >= 0], minlength=units) / moved.sum()
        return total
