"""The factor that BatchNorm's Scale gives a channel."""

import numpy as np

from xdn.errors import UnsupportedError
from xdn.graph import Array
from xdn.layers.scale import Scale
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import CRITERIA, Criterion
from xdn.optimize.prune.evidence import Evidence


@CRITERIA.register("bn-scale")
class BnScale(Criterion):
    """The absolute factor of the Scale layers after BatchNorm, gamma.

    The source is Liu et al., "Learning Efficient Convolutional Networks through Network Slimming" (2017). Of layers
    that are tied the factors add up.
    """

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sum over the Scale layers on the group's channels of |gamma[k]|."""
        units = len(group.units)
        total, found = np.zeros(units), np.zeros(units, bool)
        for layer in evidence.net.layers:
            if isinstance(layer.params, Scale) and evidence.has_rows(layer, "scale"):
                rows = evidence.rows(group, layer, "scale", layer.weights["scale"])
                total += rows.total(np.abs(rows.values).mean(axis=1))
                found[rows.unit] = True
        if not found.all():
            raise UnsupportedError(
                "not all of its channels have a Scale layer",
                where=f"group {group.name!r}",
                mend="Choose another criterion, such as l2",
            )
        return total
