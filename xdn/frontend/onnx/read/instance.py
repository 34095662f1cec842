"""Operators that normalise each image alone, or by a norm."""

from math import prod

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.normalise import mean_from
from xdn.layers.absval import AbsVal
from xdn.layers.binary import Binary
from xdn.layers.clip import Clip
from xdn.layers.groupnorm import GroupNorm
from xdn.layers.mvn import MVN
from xdn.layers.permute import Permute
from xdn.layers.pooling import Pooling
from xdn.layers.power import Power
from xdn.layers.reduction import Reduction
from xdn.layers.scale import Scale

#: The smallest and the largest normal number of f32.
_LEAST, _MOST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


@READERS.register("InstanceNormalization")
def instance_normalization(node: Node) -> None:
    """MVN, and Scale.

    Refused: a scale or bias that is no constant.
    """
    params = MVN(eps=node.attribute("epsilon", 1e-5), add_eps_before_sqrt=True)
    weights = {"scale": node.constant(1, "scale"), "bias": node.constant(2, "bias")}
    node.top(Scale(bias_term=True), [node.step("normalised", params, [node.bottom()])], weights)


@READERS.register("GroupNormalization")
def group_normalization(node: Node) -> None:
    """GroupNorm, and Scale, one number a channel; before operator set 21 one a group.

    Refused: a scale or bias that is no constant.
    """
    groups = node.attribute("num_groups")
    params = GroupNorm(group_num=groups, eps=node.attribute("epsilon", 1e-5))
    normalised, channels, weights = node.step("normalised", params, [node.bottom()]), node.shape()[1], {}
    for number, name in ((1, "scale"), (2, "bias")):
        value = node.constant(number, name)
        if value.size not in (groups, channels):
            raise ShapeError(f"a {name} of shape {value.shape} for {channels} channels in {groups} groups")
        weights[name] = value.repeat(channels // value.size)
    node.top(Scale(bias_term=True), [normalised], weights)


@READERS.register("MeanVarianceNormalization")
def mean_variance_normalization(node: Node) -> None:
    """MVN.

    Refused: other axes than all positions, or channels and positions, such as the batch.
    """
    axes = sorted(node.axes(node.attribute("axes", [0, 2, 3])))
    if axes not in (list(range(1, len(node.shape()))), list(range(2, len(node.shape())))):
        raise UnsupportedError(f"it is along axes {axes}")
    node.top(MVN(across_channels=axes[0] == 1, eps=1e-9))


@READERS.register("GlobalLpPool")
def global_lp_pool(node: Node) -> None:
    """The average of powers, times how many they are, and its root."""
    p, count = node.attribute("p", 2), prod(node.shape()[2:])
    if p < 1:
        raise ShapeError(f"a norm of order {p}; it is positive")
    magnitude = node.step("magnitude", AbsVal(), [node.bottom()])
    powers = node.step("powers", Power(power=float(p)), [magnitude])
    average = node.step("average", Pooling(pool="AVE", global_pooling=True), [powers])
    node.top(Power(scale=float(count), power=1 / p), [average])


@READERS.register("RMSNormalization")
def rms_normalization(node: Node) -> None:
    """x divided by the root of the mean square of all axes from one on, and Scale.

    Refused: along the batch, and a scale that is no constant or not of these axes.
    """
    axis, shape, scale = node.axis(node.attribute("axis", -1)), node.shape(), node.constant(1, "scale")
    if axis == 0 or scale.shape != shape[axis:]:
        raise UnsupportedError(f"a scale of shape {scale.shape} from axis {axis} on of a blob of shape {shape}")
    square = node.step("square", Power(power=2.0), [node.bottom()])
    root = Power(shift=node.attribute("epsilon", 1e-5), power=-0.5)
    factor = node.step("factor", root, [mean_from(node, square, axis)])
    normalised = node.step("normalised", Binary(operation="MUL"), [node.bottom(), factor])
    node.top(Scale(axis=axis, num_axes=scale.ndim), [normalised], {"scale": scale})


@READERS.register("LpNormalization")
def lp_normalization(node: Node) -> None:
    """x divided by the sum of magnitudes, or by the root of the sum of squares, along an axis; 0 where that is 0.

    Refused: along the batch.
    """
    axis, rank = node.axis(node.attribute("axis", -1)), len(node.shape())
    if axis == 0:
        raise UnsupportedError("it is along the batch")
    turned = node.step("turned", Permute(order=tuple(each for each in range(rank) if each != axis)), [node.bottom()])
    operation, power = ("ASUM", -1.0) if node.attribute("p", 2) == 1 else ("SUMSQ", -0.5)
    total = node.step("total", Reduction(operation=operation, axis=rank - 1), [turned])
    shape = [1 if each == axis else extent for each, extent in enumerate(node.shape())]
    wide = node.in_shape("wide", total, shape)
    # All values of which the sum is 0 are 0: any factor will do.
    factor = node.step("factor", Power(power=power), [node.step("positive", Clip(min=_LEAST, max=_MOST), [wide])])
    node.top(Binary(operation="MUL"), [node.bottom(), factor])
