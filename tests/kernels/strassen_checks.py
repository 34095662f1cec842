"""What the tests of Strassen's algorithm share: its products on arrays instead of code, its errors' bound."""

from contextlib import contextmanager
from math import sqrt
from unittest import mock

import numpy as np

from tests.kernels.winograd_checks import op_of
from xdn.kernels.core.choice import F32
from xdn.kernels.core.layout import BATCH
from xdn.kernels.strassen import algorithm
from xdn.kernels.strassen.products import A11, A12, A22, C11, C12, C21, C22, PARTS, S1, S2, S3, S4


class Matrices:
    """Stands in for a kernel's tile: whole matrices as sums.

    Parameters
    ----------
    lefts, rights : mapping
        Factor -> (..., rows, depth), and (depth, columns).
    """

    def __init__(self, lefts, rights):
        self._lefts, self._rights, self._kept = lefts, rights, {}
        self.results = {}
        for part in PARTS:
            part(self)

    def zeros(self):
        """Return sums of nothing."""
        return 0

    def multiplied(self, sums, factor):
        """Return what sums become."""
        return sums + self._lefts[factor] @ self._rights[factor]

    def added(self, sums, others):
        """Return the sums of two."""
        return sums + others

    def keep(self, place, sums):
        """Keep sums."""
        self._kept[place] = sums

    def kept(self, place):
        """Return what is kept."""
        return self._kept[place]

    def finish(self, quarter, sums):
        """Note the results, of which each quarter has one."""
        assert quarter not in self.results
        self.results[quarter] = sums

    def whole(self):
        """Return ((..., rows, 2 * columns) of the first half of the rows, those of the second)."""
        return [np.concatenate([self.results[q] for q in row], axis=-1) for row in ((C11, C12), (C21, C22))]


def left_factors(first, second, half, minus=-1):
    """Return factor -> array, of (..., rows, C) of both halves; with `minus` 1 what they are without cancellation."""
    a11, a12, r1 = np.split(first, [half, 2 * half], axis=-1)
    a21, a22, r2 = np.split(second, [half, 2 * half], axis=-1)
    s1 = a21 + a22
    s2 = s1 + minus * a11
    s4 = a12 + minus * s2

    def beside(*parts):
        return np.concatenate(parts, axis=-1)

    long = {A12: beside(a12, r1), A22: beside(a22, r2), S1: beside(s1, r2), S4: beside(s4, r1 + minus * r2)}
    return {A11: a11, S2: s2, S3: a11 + minus * a21} | long


def right_factors(weight, half, filters, minus=-1):
    """Return factor -> (depth, `filters`), of (K, C) filters; with `minus` 1 what they are without cancellation."""
    b11, b21, rest1 = np.split(weight.T[:, :filters], [half, 2 * half])
    b12, b22, rest2 = np.split(weight.T[:, filters : 2 * filters], [half, 2 * half])
    t1 = b12 + minus * b11
    t2 = b22 + minus * t1
    long = {A12: (b21, rest1), A22: (b21 + minus * t2, rest1), S1: (t1, rest2), S4: (b22, rest2)}
    return {A11: b11, S2: t2, S3: b22 + minus * b12} | {factor: np.vstack(parts) for factor, parts in long.items()}


def pairs_of(height, width):
    """Return the pairs of positions, row-major numbers: those of the first half, and those of the second; -1: none."""
    numbers = np.arange(height * width).reshape(height, width).tolist()
    first = [number for row in numbers[: height // 2 * 2 : 2] for number in row]
    second = [number for row in numbers[1::2] for number in row]
    if height % 2:
        middle = -(-width // 2)
        first += numbers[-1][:middle]
        second += numbers[-1][middle:] + [-1] * (width % 2)
    return np.array(first), np.array(second)


def multiplied(x, weight, half, filters, minus=-1):
    """Return (N, K, P, Q), of images (N, C, P, Q) and (K, C) filters: the products, and direct sums after them."""
    n, c, p, q = x.shape
    rows = np.append(x.reshape(n, c, -1).transpose(0, 2, 1), np.zeros((n, 1, c)), axis=1)
    first, second = pairs_of(p, q)
    made = Matrices(
        left_factors(rows[:, first], rows[:, second], half, minus), right_factors(weight, half, filters, minus)
    ).whole()
    y = np.empty((n, p * q + 1, len(weight)))
    for numbers, results in zip((first, second), made, strict=True):
        y[:, numbers, : 2 * filters] = results
    y[:, :, 2 * filters :] = rows @ weight[2 * filters :].T
    return y[:, :-1].transpose(0, 2, 1).reshape(n, len(weight), p, q)


def by_strassen(net, schedule=BATCH, precision=F32):
    """Return whether a session computes the net's last layer by Strassen's algorithm."""
    return (op_of(net, schedule, precision) or "").startswith("strassen")


@contextmanager
def forced():
    """Let it take every layer that it can compute, whatever that costs."""
    with mock.patch.object(algorithm, "_LEAST_GAIN", 0.0):
        yield


def strassen_sums(net, feed, expected):
    """Return what f32 sums of the net's only layer err by, in units of one rounding.

    A rounding errs by a unit of a partial sum at most, and reaches the results multiplied by what that sum is
    multiplied by. So it is not larger than a unit of the products with nothing cancelled: of magnitudes, with every
    difference made a sum.

    Of these there are, on the way to a result: 3 of the sums of inputs (S4), one of a sum of weights, one where sums of
    products meet, bias and residual, which count in full; and those of a chain of products, two of each channel, which
    are independent in sign and grow as the root of their number.
    """
    layer = net.layers[-1]
    weight = np.abs(layer.weights["weight"].astype(np.float64))
    k, c = weight.shape[:2]
    x = np.abs(feed[layer.bottoms[0]].astype(np.float64))
    stride = layer.params.window(2).stride
    magnitude = multiplied(
        x[:, :, :: stride[0], :: stride[1]], weight.reshape(k, c), c // 32 * 16, k // 32 * 16, minus=1
    )
    if "bias" in layer.weights:
        magnitude = magnitude + np.abs(layer.weights["bias"])[:, None, None]
    if layer.residual:
        magnitude = magnitude + np.abs(feed[layer.residual])
    return (sqrt(2 * c) + 7) * magnitude
