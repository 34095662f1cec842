"""Operators that normalise: BatchNormalization, LayerNormalization, LRN, Softmax."""

from math import prod

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.binary import Binary
from xdn.layers.layernorm import LayerNorm
from xdn.layers.log import Log
from xdn.layers.lrn import LRN
from xdn.layers.power import Power
from xdn.layers.reduction import Reduction
from xdn.layers.reshape import Reshape
from xdn.layers.scale import Scale
from xdn.layers.softmax import Softmax

#: From this operator set on Softmax is along one axis; before, the axes from one on were one.
_ALONG_ONE_AXIS = 13


@READERS.register("BatchNormalization")
def batch_normalization(node: Node) -> None:
    """BatchNorm by kept statistics, and Scale.

    Refused: statistics of the batch (`training_mode`), and ones for each position.
    """
    if node.attribute("training_mode", 0) or not node.attribute("spatial", 1):
        raise UnsupportedError("it takes the statistics of the batch, or has one for each position")
    scale, bias, mean, variance = (node.constant(i, "scale, bias and statistics") for i in range(1, 5))
    params = BatchNorm(use_global_stats=True, eps=node.attribute("epsilon", 1e-5))
    statistics = {"mean": mean, "variance": variance, "scale_factor": np.ones(1, np.float32)}
    blob = node.step("normalised", params, [node.bottom()], statistics)
    node.top(Scale(bias_term=True), [blob], {"scale": scale, "bias": bias})


@READERS.register("LayerNormalization")
def layer_normalization(node: Node) -> None:
    """LayerNorm."""
    axis = node.axis(node.attribute("axis", -1))
    if axis == 0:
        raise UnsupportedError("it is along the batch")
    shape = node.shape()[axis:]
    given = {"scale": node.constant(1, "scale"), "bias": node.constant(2, "bias") if node.has(2) else np.float32(0)}
    try:
        weights = {name: np.broadcast_to(value, shape) for name, value in given.items()}
    except ValueError:
        shapes = " and ".join(str(np.shape(value)) for value in given.values())
        raise ShapeError(f"scale and bias of shapes {shapes} over axes of {shape}") from None
    if any(node.proto.output[1:]):
        _moments(node, axis)
    node.top(LayerNorm(axis=axis, eps=node.attribute("epsilon", 1e-5)), None, weights)


def _moments(node: Node, axis: int) -> None:
    """Make the mean, and the reciprocal of the deviation, the second and third output: exporters name them."""
    mean = mean_from(node, node.bottom(), axis)
    centred = node.step("centred", Binary(operation="SUB"), [node.bottom(), mean])
    variance = mean_from(node, node.step("square", Power(power=2.0), [centred]), axis)
    root = Power(shift=node.attribute("epsilon", 1e-5), power=-0.5)
    node.stands_for(mean, 1)
    node.stands_for(node.step("deviation", root, [variance]), 2)


def mean_from(node: Node, blob: str, axis: int) -> str:
    """Return the mean of a blob over the axes from one on, which stay with an extent of 1."""
    shape = node.shape_of(blob)
    mean = node.step("mean", Reduction(operation="MEAN", axis=axis), [blob])
    return node.in_shape("wide", mean, [*shape[:axis], *(1,) * (len(shape) - axis)])


@READERS.register("LRN")
def lrn(node: Node) -> None:
    """LRN across channels.

    Refused: an even size.
    """
    size = node.attribute("size")
    if size % 2 == 0:
        raise UnsupportedError(f"its size is {size}; an odd one has as many neighbours on both sides")
    alpha, beta, k = node.attribute("alpha", 1e-4), node.attribute("beta", 0.75), node.attribute("bias", 1.0)
    node.top(LRN(local_size=size, alpha=alpha, beta=beta, k=k))


@READERS.register("Softmax", "LogSoftmax")
def softmax(node: Node) -> None:
    """Softmax, and the logarithm of what it gives.

    Refused: along the batch.
    """
    shape = node.shape()
    along_one = node.making.opset >= _ALONG_ONE_AXIS
    axis = node.axis(node.attribute("axis", -1 if along_one else 1))
    if axis == 0:
        raise UnsupportedError("it is along the batch")
    last = node.proto.op_type == "Softmax"
    if along_one or prod(shape[axis + 1 :]) == 1:
        if last:
            node.top(Softmax(axis=axis))
        else:
            node.top(Log(), [node.step("softmax", Softmax(axis=axis), [node.bottom()])])
        return
    rows = node.step("rows", Reshape(shape=(0, *shape[1:axis], prod(shape[axis:]))), [node.bottom()])
    blob = node.step("softmax", Softmax(axis=axis), [rows])
    node.shaped(blob if last else node.step("log", Log(), [blob]), shape)
