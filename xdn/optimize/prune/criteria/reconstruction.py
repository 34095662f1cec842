"""How much worse the next layers can be reconstructed without a channel."""

import numpy as np

from xdn.element import real
from xdn.graph import Array, Layer
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.criterion import CRITERIA, Criterion
from xdn.optimize.prune.evidence import Evidence

#: Outputs of a layer at which contributions are sampled.
SAMPLES = 4096


@CRITERIA.register("reconstruction")
class Reconstruction(Criterion):
    """The error of the next layer's feature map when channels go one after another, each time the one that costs least.

    The source is Luo et al., "ThiNet" (2017), algorithm 1, as He et al., "Channel Pruning" (2017) state the error;
    each contribution counts without its mean, which a bias absorbs. The importance is the share of the feature map's
    energy that is lost once the channel has gone, those before it included; of several readers the shares add up.
    """

    comparable = True
    cumulative = True

    def importance(self, group: Group, evidence: Evidence) -> Array:
        """sum over the readers of ||sum of the removed channels' contributions||^2 / ||output||^2, in greedy order."""
        units = len(group.units)
        gram = np.zeros((units, units))
        for name in group.readers:
            parts, whole = contributions(group, evidence, evidence.net.layer(name))
            gram += parts.T @ parts / max(np.square(whole).sum(), np.finfo(real).tiny)
        return greedy(gram)


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
