"""The oracle's convolution, pooling and arithmetic: what nets need beside the layers that name an axis."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

Array = np.ndarray


def _each(values: Sequence[int], default: int, axes: int) -> tuple[int, ...]:
    """Return one value an axis of a repeated field."""
    return tuple(values) if len(values) == axes else tuple(values or (default,)) * axes


def _window(p: Any, axes: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return kernel, stride, padding and dilation, one value an axis each."""
    return _each(p.kernel_size, 0, axes), _each(p.stride, 1, axes), _each(p.pad, 0, axes), _each(p.dilation, 1, axes)


def convolution(p: Any, bottoms: Sequence[Array], weights: Mapping[str, Array], n_tops: int) -> list[Array]:
    """Multiply and add element by element of the kernel, group by group (base_conv_layer.cpp)."""
    x = bottoms[0]
    kernel, stride, pad, dilation = _window(p, x.ndim - 2)
    sizes = [
        # C++ rounds towards zero: where a window passes the input by less than a stride, one place is left.
        int((n + 2 * q - (d * (k - 1) + 1)) / s) + 1
        for n, q, d, k, s in zip(x.shape[2:], pad, dilation, kernel, stride, strict=True)
    ]
    y = np.zeros((x.shape[0], p.num_output, *sizes))
    for out, element in product(product(*map(range, sizes)), product(*map(range, kernel))):
        at = [o * s - q + e * d for o, s, q, e, d in zip(out, stride, pad, element, dilation, strict=True)]
        if all(0 <= i < n for i, n in zip(at, x.shape[2:], strict=True)):
            _each_group(p.group, x, tuple(at), y, out, weights["weight"][(..., *element)].swapaxes(0, 1))
    return [_with_bias(p, y, weights)]


def deconvolution(p: Any, bottoms: Sequence[Array], weights: Mapping[str, Array], n_tops: int) -> list[Array]:
    """Lay the kernel over the output at each place of the input: a convolution backwards (deconv_layer.cpp)."""
    x = bottoms[0]
    kernel, stride, pad, dilation = _window(p, x.ndim - 2)
    sizes = [
        s * (n - 1) + d * (k - 1) + 1 - 2 * q
        for n, q, d, k, s in zip(x.shape[2:], pad, dilation, kernel, stride, strict=True)
    ]
    y = np.zeros((x.shape[0], p.num_output, *sizes))
    for at, element in product(product(*map(range, x.shape[2:])), product(*map(range, kernel))):
        out = [i * s - q + e * d for i, s, q, e, d in zip(at, stride, pad, element, dilation, strict=True)]
        if all(0 <= o < n for o, n in zip(out, sizes, strict=True)):
            # (C, K/G): the channels of a group lie one after another, those of the next group after them.
            grouped = weights["weight"][(..., *element)].reshape(p.group, -1, p.num_output // p.group)
            _each_group(p.group, x, at, y, tuple(out), np.concatenate(list(grouped), axis=1))
    return [_with_bias(p, y, weights)]


def _each_group(groups: int, x: Array, at: tuple[int, ...], y: Array, out: tuple[int, ...], weight: Array) -> None:
    """Add to one position of y what one position of x gives by a weight (C/G, K), the filters group by group."""
    channels, filters = x.shape[1] // groups, y.shape[1] // groups
    for g in range(groups):
        read, own = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        y[(slice(None), own, *out)] += x[(slice(None), read, *at)] @ weight[:, own]


def _with_bias(p: Any, y: Array, weights: Mapping[str, Array]) -> Array:
    return y + weights["bias"].reshape(1, -1, *[1] * (y.ndim - 2)) if p.bias_term else y


def pooling(p: Any, bottoms: Sequence[Array], weights: Mapping[str, Array], n_tops: int) -> list[Array]:
    """Reduce each window, clipped at the border (pooling_layer.cpp), over axes of which all are alike."""
    x = bottoms[0]
    if p.global_pooling:
        over = tuple(range(2, x.ndim))
        return [x.max(axis=over, keepdims=True) if p.pool == "MAX" else x.mean(axis=over, keepdims=True)]
    k, s, q = p.kernel_size[0], (p.stride or (1,))[0], (p.pad or (0,))[0]
    sizes = []
    for n in x.shape[2:]:
        size = -(-(n + 2 * q - k) // s) + 1
        sizes.append(size - 1 if q and (size - 1) * s >= n + q else size)
    y = np.empty((*x.shape[:2], *sizes))
    for out in product(*map(range, sizes)):
        begin = [o * s - q for o in out]
        end = [min(b + k, n + q) for b, n in zip(begin, x.shape[2:], strict=True)]
        count = np.prod([e - b for b, e in zip(begin, end, strict=True)])
        cut = [slice(max(b, 0), min(e, n)) for b, e, n in zip(begin, end, x.shape[2:], strict=True)]
        window = x[(slice(None), slice(None), *cut)].reshape(*x.shape[:2], -1)
        y[(slice(None), slice(None), *out)] = window.max(axis=2) if p.pool == "MAX" else window.sum(axis=2) / count
    return [y]


def batch_norm(p: Any, bottoms: Sequence[Array], weights: Mapping[str, Array], n_tops: int) -> list[Array]:
    """Normalise by kept statistics, or by those of the whole batch (batch_norm_layer.cpp)."""
    x = bottoms[0]
    y = np.empty_like(x)
    channels = x.shape[1] if x.ndim > 1 else 1
    of, into = (blob.reshape(x.shape[0], channels, -1) for blob in (x, y))
    factor = weights["scale_factor"][0]
    for c in range(channels):
        mean, variance = (weights[name][c] * (1 / factor if factor else 0) for name in ("mean", "variance"))
        if p.use_global_stats is False:
            mean = of[:, c].mean()
            variance = ((of[:, c] - mean) ** 2).mean()
        into[:, c] = (of[:, c] - mean) / np.sqrt(variance + p.eps)
    return [y]


def eltwise(p: Any, bottoms: Sequence[Array], weights: Mapping[str, Array], n_tops: int) -> list[Array]:
    """Combine blobs element by element (eltwise_layer.cpp)."""
    if p.operation == "SUM":
        return [np.asarray(sum(c * x for c, x in zip(p.coeff or [1] * len(bottoms), bottoms, strict=True)))]
    return [np.prod(bottoms, axis=0) if p.operation == "PROD" else np.max(bottoms, axis=0)]


def mvn(p: Any, bottoms: Sequence[Array], weights: Mapping[str, Array], n_tops: int) -> list[Array]:
    """Normalise each channel of an image, or each image (mvn_layer.cpp)."""
    x = bottoms[0]
    rows = x.reshape(x.shape[0] if p.across_channels else x.shape[0] * x.shape[1], -1)
    y = np.array([row - row.mean() for row in rows])
    if p.normalize_variance:
        y = np.array([row / (np.sqrt((row**2).mean()) + p.eps) for row in y])
    return [y.reshape(x.shape)]


def relu(p: Any, bottoms: Sequence[Array], weights: Mapping[str, Array], n_tops: int) -> list[Array]:
    """Keep positive values, multiply the others (relu_layer.cpp)."""
    return [np.where(bottoms[0] > 0, bottoms[0], bottoms[0] * p.negative_slope)]


def prelu(p: Any, bottoms: Sequence[Array], weights: Mapping[str, Array], n_tops: int) -> list[Array]:
    """Keep positive values, multiply the others by the slope of axis 1 (prelu_layer.cpp)."""
    x = bottoms[0]
    slope = np.broadcast_to(weights["slope"], x.shape[1]).reshape(1, -1, *[1] * (x.ndim - 2))
    return [np.where(x > 0, x, x * slope)]
