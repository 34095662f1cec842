"""What layers compute, a second time and by another way than XDN's references: from Caffe's sources, in f64.

A reference and the kernels that are compared with it may share a misunderstanding. Here every layer is written as its
layer of Caffe is: blobs are flat, an axis is what lies before it (outer), along it and after it (inner). Nothing of XDN
is used but the parameters, which have Caffe's names.

"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from tools.fuzz.oracle_windows import batch_norm, convolution, deconvolution, eltwise, mvn, pooling, prelu, relu

Array = np.ndarray
Arrays = Mapping[str, Array]
#: (parameters, bottoms, weights, number of tops) -> tops
Rule = Callable[[Any, Sequence[Array], Arrays, int], list[Array]]


def canonical(axis: int, axes: int) -> int:
    """Return an axis counted from the front (Blob::CanonicalAxisIndex)."""
    return axis + axes if axis < 0 else axis


def _three(x: Array, axis: int, count: int = 1) -> Array:
    """Return a blob as (outer, along, inner), `count` axes from `axis` on being along."""
    return x.reshape(prod(x.shape[:axis]), prod(x.shape[axis : axis + count]), prod(x.shape[axis + count :]))


def _laid(p: Any, x: Array, operand: Array) -> Array:
    """Return an operand of Scale or Bias beside a blob as (outer, along, inner)."""
    axis = canonical(p.axis, x.ndim) if operand.ndim else 0
    assert operand.shape == x.shape[axis : axis + operand.ndim]
    outer, inner = prod(x.shape[:axis]), prod(x.shape[axis + operand.ndim :])
    return np.repeat(np.tile(operand.ravel(), outer), inner).reshape(x.shape)


def _scale(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    x = bottoms[0]
    y = x * _laid(p, x, bottoms[1] if len(bottoms) > 1 else weights["scale"])
    return [y + _laid(p, x, weights["bias"])] if p.bias_term else [y]


def _bias(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    x = bottoms[0]
    return [x + _laid(p, x, bottoms[1] if len(bottoms) > 1 else weights["bias"])]


def _softmax(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    x = _three(bottoms[0], canonical(p.axis, bottoms[0].ndim))
    y = np.empty_like(x)
    for outer, inner in np.ndindex(x.shape[0], x.shape[2]):
        powers = np.exp(x[outer, :, inner] - x[outer, :, inner].max())
        y[outer, :, inner] = powers / powers.sum()
    return [y.reshape(bottoms[0].shape)]


def _concat(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    axis = canonical(p.axis, bottoms[0].ndim)
    outer = prod(bottoms[0].shape[:axis])
    rows = [[x.ravel()[n * (x.size // outer) : (n + 1) * (x.size // outer)] for x in bottoms] for n in range(outer)]
    shape = list(bottoms[0].shape)
    shape[axis] = sum(x.shape[axis] for x in bottoms)
    return [np.concatenate([part for row in rows for part in row]).reshape(shape)]


def _slice(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    axis = canonical(p.axis, bottoms[0].ndim)
    extent = bottoms[0].shape[axis]
    ends = [0, *p.slice_point, extent] if p.slice_point else [extent * i // n_tops for i in range(n_tops + 1)]
    x, tops = _three(bottoms[0], axis), []
    for begin, end in pairwise(ends):
        shape = list(bottoms[0].shape)
        shape[axis] = end - begin
        tops.append(np.concatenate([outer[begin:end].ravel() for outer in x]).reshape(shape))
    return tops


def _reshape(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    old = bottoms[0].shape
    start = p.axis if p.axis >= 0 else len(old) + p.axis + 1
    end = len(old) if p.num_axes == -1 else start + p.num_axes
    new = list(old[:start]) + [old[start + i] if dim == 0 else dim for i, dim in enumerate(p.shape)] + list(old[end:])
    if -1 in new:
        new[new.index(-1)] = bottoms[0].size // -prod(new)
    return [bottoms[0].ravel().reshape(new)]


def _flatten(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    shape = bottoms[0].shape
    start, end = canonical(p.axis, len(shape)), canonical(p.end_axis, len(shape))
    return [bottoms[0].ravel().reshape([*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :]])]


def _permute(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    x = bottoms[0]
    order = [*p.order, *(axis for axis in range(x.ndim) if axis not in p.order)]
    shape = [x.shape[axis] for axis in order]
    old_steps = [prod(x.shape[axis + 1 :]) for axis in range(x.ndim)]
    at, rest = np.zeros(x.size, int), np.arange(x.size)
    for place, axis in enumerate(order):
        step = prod(shape[place + 1 :])
        at, rest = at + rest // step * old_steps[axis], rest % step
    return [x.ravel()[at].reshape(shape)]


def _tile(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    x = bottoms[0]
    axis = canonical(p.axis, x.ndim)
    rows = x.reshape(prod(x.shape[:axis]), prod(x.shape[axis:]))
    shape = [extent * (p.tiles if place == axis else 1) for place, extent in enumerate(x.shape)]
    return [np.concatenate([row for row in rows for _ in range(p.tiles)]).reshape(shape)]


def _inner_product(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    x = bottoms[0]
    axis = canonical(p.axis, x.ndim)
    rows = x.reshape(prod(x.shape[:axis]), prod(x.shape[axis:]))
    weight = weights["weight"].T if p.transpose else weights["weight"]
    y = np.array([[(row * own).sum() for own in weight] for row in rows])
    if p.bias_term:
        y = y + weights["bias"]
    return [y.reshape(*x.shape[:axis], p.num_output)]


def _normalize(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    x = _three(bottoms[0], 1)
    y = np.empty_like(x)
    for n, image in enumerate(x):
        over = image[:, :].ravel() if p.across_spatial else image
        norm = np.sqrt((over**2).sum(axis=0) + p.eps)
        factors = weights["scale"] if p.channel_shared else weights["scale"][:, None]
        y[n] = image / norm * factors
    return [y.reshape(bottoms[0].shape)]


def _reduction(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    x = bottoms[0]
    axis = canonical(p.axis, x.ndim)
    rows = x.reshape(prod(x.shape[:axis]), prod(x.shape[axis:]))
    terms = {"SUM": rows, "MEAN": rows / rows.shape[1], "ASUM": abs(rows), "SUMSQ": rows * rows}[p.operation]
    return [(p.coeff * np.array([row.sum() for row in terms])).reshape(x.shape[:axis])]


def arg_max_rows(p: Any, x: Array) -> tuple[Array, list[list[int]]]:
    """Return what ArgMax looks through, a row for each place of the top, and each row's indices from the largest on."""
    if p.axis is None:
        rows = x.reshape(x.shape[0], prod(x.shape[1:]))
    else:
        three = _three(x, canonical(p.axis, x.ndim))
        rows = np.array([three[outer, :, inner] for outer, inner in np.ndindex(three.shape[0], three.shape[2])])
    return rows, [[j for _, j in sorted(((value, j) for j, value in enumerate(row)), reverse=True)] for row in rows]


def _arg_max(p: Any, bottoms: Sequence[Array], weights: Arrays, n_tops: int) -> list[Array]:
    x, k = bottoms[0], p.top_k
    rows, orders = arg_max_rows(p, x)
    places = np.array([order[:k] for order in orders])
    values = np.take_along_axis(rows, places, 1)
    if p.axis is None:
        shape = [1] * max(x.ndim, 3)
        shape[0], shape[2] = x.shape[0], k
        if p.out_max_val:
            shape[1] = 2
            return [np.concatenate([places, values], axis=1).astype(float).reshape(shape)]
        return [places.astype(float).reshape(shape)]
    axis = canonical(p.axis, x.ndim)
    found = values if p.out_max_val else places.astype(float)
    y = found.reshape(prod(x.shape[:axis]), prod(x.shape[axis + 1 :]), k).swapaxes(1, 2)
    return [y.reshape(*x.shape[:axis], k, *x.shape[axis + 1 :])]


#: How each layer type is computed; also the layer types of which nets are made.
RULES: Mapping[str, Rule] = {
    "Scale": _scale,
    "Bias": _bias,
    "Softmax": _softmax,
    "Concat": _concat,
    "Slice": _slice,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Permute": _permute,
    "InnerProduct": _inner_product,
    "Normalize": _normalize,
    "Reduction": _reduction,
    "ArgMax": _arg_max,
    "Tile": _tile,
    "Convolution": convolution,
    "Deconvolution": deconvolution,
    "Pooling": pooling,
    "BatchNorm": batch_norm,
    "MVN": mvn,
    "Eltwise": eltwise,
    "ReLU": relu,
    "PReLU": prelu,
}
