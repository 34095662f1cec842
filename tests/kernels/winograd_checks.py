"""What Winograd's tests share: its transforms on numbers instead of code, its errors' bound, nets forced to take it."""

from contextlib import contextmanager
from math import inf, sqrt
from unittest import mock

import numpy as np

from xdn.errors import XdnError
from xdn.kernels.core.choice import F32
from xdn.kernels.core.layout import BATCH
from xdn.kernels.winograd import algorithm as selection
from xdn.kernels.winograd.transform import WINOGRAD
from xdn.layers.window import Window
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu import backend
from xdn.runtime.cpu.plan import make_plan


class Numbers:
    """Stands in for `Arithmetic`: the same operations on whatever Python computes with, fractions or arrays."""

    @staticmethod
    def number(value):
        """Return the constant itself."""
        return value

    @staticmethod
    def add(a, b):
        """Return a + b."""
        return a + b

    @staticmethod
    def sub(a, b):
        """Return a - b."""
        return a - b

    @staticmethod
    def fused(a, b, c):
        """Return a * b + c."""
        return a * b + c


def matrix(transform, size):
    """Return the matrix of a transform of `size` values: its results for the unit vectors are the columns."""
    return np.array(transform(Numbers, list(np.eye(size))))


def tiles_of(algorithm, x, pad):
    """Return (N, C, tiles down, tiles across, inputs, inputs): what each tile of the padded images (N, C, H, W) reads.

    Tiles at the border reach over it, and there read zeros.
    """
    m, size = algorithm.outputs, algorithm.inputs
    top = Window((3, 3), pad=pad).output_size(x.shape[2:])
    behind = [-(-out // m) * m + 2 - p - length for out, p, length in zip(top, pad, x.shape[2:], strict=True)]
    padded = np.pad(x, ((0, 0), (0, 0), *((p, b) for p, b in zip(pad, behind, strict=True))))
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), (2, 3))[:, :, ::m, ::m]


def filtered(transforms, d, g):
    """Return (N, K, P, Q) = A' [ (G g G') * (B' d B) ] A summed over channels; P and Q in whole tiles.

    Parameters
    ----------
    transforms : (array, array, array)
        G, B' and A'.
    d : (N, C, tiles down, tiles across, inputs, inputs)
    g : (K, C, 3, 3)
    """
    filters, of_input, of_output = transforms
    u, v = filters @ g @ filters.T, of_input @ d @ of_input.T
    y = of_output @ np.einsum("kcij,ncpqij->nkpqij", u, v, optimize=True) @ of_output.T
    n, k, down, across, m, _ = y.shape
    return y.transpose(0, 1, 2, 4, 3, 5).reshape(n, k, down * m, across * m)


def matrices(algorithm):
    """Return G, B' and A'."""
    size = algorithm.inputs
    return algorithm.filters, matrix(algorithm.of_input, size), matrix(algorithm.of_output, size)


def op_of(net, schedule, precision=F32):
    """Return the operation by which a session computes the net's last layer in a schedule; None for the reference."""
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    how = Configuration(precision=precision)
    try:
        plan = make_plan(net, shapes, net.outputs, None, schedule, how, backend.this_target())
    except XdnError:
        return None
    if not plan.layers:
        return None
    ops = [step.source.name.op for step in plan.steps[plan.layers[-1].first : plan.layers[-1].end]]
    return ops[0].removeprefix("channel_") if ops else None


def algorithm_of(net, schedule=BATCH, precision=F32):
    """Return the Winograd algorithm by which a session computes the net's last layer, None for any other kernel."""
    op = op_of(net, schedule, precision) or ""
    return WINOGRAD[int(op.removeprefix("winograd"))] if op.startswith("winograd") else None


@contextmanager
def forced(outputs):
    """Let F(`outputs` x `outputs`) take every layer that it can compute, whatever that costs."""
    only, dear = {outputs: WINOGRAD[outputs]}, mock.Mock(return_value=inf)
    with mock.patch.object(selection, "WINOGRAD", only), mock.patch.object(selection, "direct_cycles", dear):
        yield


def winograd_sums(net, feed, expected, schedule=BATCH, precision=F32):
    """Return what Winograd's f32 sums of the net's only layer err by, in units of one rounding.

    A rounding errs by a unit of a partial sum, and reaches the results multiplied by what that sum is multiplied by.
    So it is not larger than a unit of |A|' [(|G| |g| |G|') * (|B|' |d| |B|)] |A|, bias and residual added: the layer
    with nothing cancelled, by which Winograd errs more than direct sums do (whose magnitude is |g| * |d|).

    Of these there are, on the way to a result: one of a transformed filter, 2 a dimension from inputs to V and 3 from
    M to results (F(4x4)'s longest chains), bias and residual, and in between a chain of C products. The chain's are
    independent in sign and grow as sqrt(C); the 1 + 4 + 6 + 2 others count in full.
    """
    layer, algorithm = net.layers[-1], algorithm_of(net, schedule, precision)
    weight = np.abs(layer.weights["weight"]).astype(np.float64)
    x = np.abs(feed[layer.bottoms[0]]).astype(np.float64)
    tiles = tiles_of(algorithm, x, layer.params.window(2).pad)
    p, q = expected.shape[2:]
    magnitude = filtered([np.abs(each) for each in matrices(algorithm)], tiles, weight)[:, :, :p, :q]
    if "bias" in layer.weights:
        magnitude = magnitude + np.abs(layer.weights["bias"])[:, None, None]
    if layer.residual:
        magnitude = magnitude + np.abs(feed[layer.residual])
    return (sqrt(weight.shape[1]) + 13) * magnitude
