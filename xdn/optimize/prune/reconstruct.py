"""Fit the layers that read pruned channels to what they computed before: channel pruning by least squares."""

from dataclasses import replace

import numpy as np

from xdn.element import real
from xdn.graph import Array, Layer, Net
from xdn.optimize.extract import extract_after
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.evidence import Evidence

#: Outputs of a filter that are fitted.
ROWS = 20_000
#: How much the present filters weigh in the fit, relative to the inputs.
RIDGE = 3e-2


def refit(evidence: Evidence, thinned: Net, units: Array) -> Net:
    """Return `thinned` with the weights of every layer that lost inputs fitted to what it computed before.

    The source is He, Zhang and Sun, "Channel Pruning for Accelerating Very Deep Neural Networks" (2017), section 3.1:
    minimise ``||Y - (X W' + b')||^2`` over the weights and a bias, Y what the filters that are left gave before, X the
    inputs that are left as the layers in front of it, fitted already, give them. A ridge towards the present weights
    keeps the directions of which the images say nothing.

    Parameters
    ----------
    evidence : Evidence
        Of the net before the removal, with calibration images.
    thinned : Net
    units : (U,) int
        What was removed.
    """
    channels, net, wanted = evidence.channels, evidence.net, evidence.activations
    known = dict(evidence.images)
    for layer in thinned.layers:
        if layer.params.is_input or not _lost_inputs(channels, net.layer(layer.name), units):
            continue
        (bottom,), (top,) = layer.bottoms, layer.tops
        if bottom not in known:
            part = extract_after(thinned, known, bottom)
            known |= evidence.forward(part, {name: known[name] for name in part.inputs})
        kept = np.isin(channels.units[top], units, invert=True)
        fitted = _fitted(layer, known[bottom], wanted[top][:, kept])
        thinned = thinned.replace(layers=tuple(fitted if each is layer else each for each in thinned.layers))
    return thinned


def _lost_inputs(channels: Channels, layer: Layer, units: Array) -> bool:
    """Return whether filters of `layer`, which no other layer shares, read some of the removed channels."""
    return not any(layer.shared) and bool(np.isin(channels.read(layer), units).any())


def _fitted(layer: Layer, bottom: Array, wanted: Array) -> Layer:
    """Return the layer with weights and a bias that give `wanted`, (N, K, ...), for `bottom` as nearly as they can."""
    targets = np.moveaxis(wanted, 1, -1).reshape(-1, wanted.shape[1])
    picked = np.random.default_rng(0).permutation(len(targets))[:ROWS]
    columns = layer.params.columns(bottom, picked)  # (G, rows, inputs)
    whole = layer.params.filters(layer.weights["weight"])
    filters = whole.reshape(len(columns), -1, columns.shape[2])  # (G, K/G, inputs)
    grouped = targets[picked].reshape(len(picked), len(columns), -1)
    fits = [_least_squares(columns[g], grouped[:, g], filters[g]) for g in range(len(columns))]
    fitted = layer.params.weight_of(np.concatenate([found for found, _ in fits]).reshape(whole.shape))
    return layer.replace(
        params=replace(layer.params, bias_term=True),  # type: ignore[type-var]
        weights={
            "weight": np.ascontiguousarray(fitted, real),
            "bias": np.concatenate([bias for _, bias in fits]).astype(real),
        },
    )


def _least_squares(inputs: Array, targets: Array, filters: Array) -> tuple[Array, Array]:
    """Return (K, I) weights and (K,) biases that take (M, I) inputs to (M, K) targets, a ridge around `filters`."""
    # What only reads results of pruning does without.
    from scipy.linalg import solve

    x, y, w = (array.astype(np.float64) for array in (inputs, targets, filters))
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x -= x_mean
    y -= y_mean
    gram = x.T @ x
    ridge = max(RIDGE * gram.trace() / len(gram), np.finfo(real).tiny)
    gram[np.diag_indices_from(gram)] += ridge
    w = w + solve(gram, x.T @ (y - x @ w.T), assume_a="pos").T
    return w, y_mean - w @ x_mean
