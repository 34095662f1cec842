"""What each channel of a group contributes to the outputs of a layer that reads it."""

import numpy as np

from xdn.graph import Layer
from xdn.graph.layer import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.evidence import Evidence

#: Outputs of a layer at which contributions are sampled.
SAMPLES = 4096


def contributions(group: Group, evidence: Evidence, layer: Layer) -> Array:
    """Return (S, U): what each unit adds to sampled outputs of `layer`, without its mean over those of one filter.

    Parameters
    ----------
    group : Group
    evidence : Evidence
        With calibration images.
    layer : Layer
        A reader of the group.
    """
    columns = layer.params.columns(evidence.activations[layer.bottoms[0]])  # (G, rows, inputs)
    weight, axis = evidence.input_axis(layer)  # (channels of the axis, K, ...)
    groups, rows = columns.shape[:2]
    per_channel = np.moveaxis(weight.reshape(len(axis.channels), weight.shape[1], -1), 0, 1)
    filters = per_channel.shape[0]
    rng = np.random.default_rng(evidence.seed)
    per_filter = max(2, SAMPLES // filters)
    place = evidence.places(group, layer, axis)
    found = np.zeros((filters, per_filter, len(group.units)))
    for k in range(filters):
        picked = columns[k * groups // filters, rng.integers(rows, size=per_filter)]
        terms = (picked.reshape(per_filter, len(axis.channels), -1) * per_channel[k]).sum(axis=2)
        np.add.at(found[k].T, place[place >= 0], terms[:, place >= 0].T)
    found -= found.mean(axis=1, keepdims=True)
    return found.reshape(-1, len(group.units))
