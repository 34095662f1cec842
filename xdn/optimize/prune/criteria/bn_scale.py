"""The factor that BatchNorm's Scale gives a channel."""

import numpy as np

from xdn.errors import UnsupportedError
from xdn.graph.layer import Array
from xdn.layers.scale import Scale
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import Criterion, criterion
from xdn.optimize.prune.evidence import Evidence


@criterion
class BnScale(Criterion):
    """The absolute factor of the Scale layers behind BatchNorm, gamma.

    The source is Liu et al., "Learning Efficient Convolutional Networks through Network Slimming" (2017). Of layers
    that are tied the factors add up.
    """

    name = "bn-scale"

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sum over the Scale layers on the group's channels of |gamma[k]|."""
        units = len(group.units)
        total, found = np.zeros(units), False
        own = {top for name in group.filters for top in evidence.net.layer(name).tops}
        for layer in evidence.net.layers:
            if len(layer.bottoms) != 1 or layer.bottoms[0] not in own or not layer.params.elementwise:
                continue
            # Through BatchNorm to its Scale, as fusion goes, up to the next layer that mixes positions or channels.
            own.update(layer.tops)
            if isinstance(layer.params, Scale):
                rows = evidence.rows(group, layer, "scale", layer.weights["scale"])
                total += rows.total(np.abs(rows.values[:, 0]), units)
                found = True
        if not found:
            raise UnsupportedError(
                "none of its channels has a Scale layer",
                where=f"group {group.name!r}",
                mend="Choose another criterion, such as l2",
            )
        return total
