"""What each channel of a group contributes to the outputs of a layer that reads it."""

import numpy as np

from xdn.graph import Array, Layer
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.evidence import Evidence

#: Outputs of a layer at which contributions are sampled.
SAMPLES = 4096


def contributions(group: Group, evidence: Evidence, layer: Layer) -> tuple[Array, Array]:
    """Return (S, U) what each unit adds to sampled outputs of `layer`, and (S,) those outputs without the bias.

    Of both the mean over the samples of a filter is subtracted: a bias absorbs it.

    Parameters
    ----------
    group : Group
    evidence : Evidence
        With calibration images.
    layer : Layer
        A reader of the group.
    """
    bottom, top = (evidence.activations[names[0]] for names in (layer.bottoms, layer.tops))
    weight, axis = evidence.input_axis(layer)  # (entries of the axis, K, ...)
    entries, filters = weight.shape[:2]
    per_filter = np.moveaxis(weight.reshape(entries, filters, -1), 1, 0)
    place = evidence.places(group, layer, axis)
    rng = np.random.default_rng(evidence.seed)
    samples = max(2, SAMPLES // filters)
    parts, whole = np.zeros((filters, samples, len(group.units))), np.zeros((filters, samples))
    for k in range(filters):
        columns = layer.params.columns(bottom, rng.integers(top.size // filters, size=samples))  # (G, samples, inputs)
        inputs = columns[k * len(columns) // filters].reshape(samples, entries, -1)
        terms = (inputs * per_filter[k]).sum(axis=2)
        np.add.at(parts[k].T, place[place >= 0], terms[:, place >= 0].T)
        whole[k] = terms.sum(axis=1)
    parts -= parts.mean(axis=1, keepdims=True)
    whole -= whole.mean(axis=1, keepdims=True)
    return parts.reshape(-1, len(group.units)), whole.ravel()
