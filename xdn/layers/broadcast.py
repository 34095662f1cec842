"""How Scale and Bias lay a smaller operand along the axes of their bottom."""

from dataclasses import dataclass

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Blob, Blobs, ChannelAxis, ChannelRule, Shape, Side, WeightAxes
from xdn.layers.base import proto
from xdn.layers.portable import Portable


def operand_shape(bottoms: Blobs, axis: int, num_axes: int) -> Shape:
    """Return the shape of the operand: learned where there is one bottom, else the second bottom's.

    The source of the rule is Caffe's scale_layer.cpp and bias_layer.cpp.

    Parameters
    ----------
    bottoms : one or two blobs
    axis : int
        First axis of the first bottom that the operand covers; ignored for an operand without axes.
    num_axes : int
        Axes that a learned operand covers, -1 for all from `axis` on.

    Raises
    ------
    ShapeError
        Where the operand does not lie within the first bottom.
    """
    if len(bottoms) not in (1, 2):
        raise ShapeError(f"{len(bottoms)} bottoms; it takes one, or two where the second is the operand")
    shape = bottoms[0].shape
    if len(bottoms) == 2:
        operand = bottoms[1].shape
        start = bottoms[0].axis(axis) if operand else 0
        if shape[start : start + len(operand)] != operand:
            raise ShapeError(f"the second bottom's shape {operand} is not that of {shape} from axis {axis} on")
        return operand
    if num_axes == 0:
        return ()
    start = bottoms[0].axis(axis)
    end = len(shape) if num_axes == -1 else start + num_axes
    if num_axes < -1 or end > len(shape):
        raise ShapeError(f"num_axes {num_axes} from axis {axis} on, in a bottom of shape {shape}")
    return shape[start:end]


def along_channels(bottoms: Blobs, axis: int, num_axes: int) -> bool:
    """Return whether the operand is learned and lies along axis 1 alone, whatever extents other axes have."""
    if len(bottoms) != 1 or len(bottoms[0].shape) < 2:
        return False
    return bottoms[0].axis(axis) == 1 and len(operand_shape(bottoms, axis, num_axes)) == 1


def spread(operand: Array, axis: int, axes: int) -> Array:
    """Return an operand, array or tensor, with trailing axes of 1: it broadcasts from `axis` on over `axes` axes."""
    start = axis % axes if operand.ndim else 0
    return operand.reshape((*operand.shape, *(1,) * (axes - start - operand.ndim)))


@dataclass(frozen=True)
class OperandLayer(Portable):
    """Base of Scale and Bias: an operand along `num_axes` axes from `axis` on, learned or given as a second bottom."""

    channel_rule = ChannelRule.CARRIED
    elementwise = True

    axis: int = proto(1, "int32", default=1)
    num_axes: int = proto(2, "int32", default=1)

    def operand_shape(self, bottoms: Blobs) -> Shape:
        """Return the operand's shape; raise ShapeError where it does not lie within the first bottom."""
        return operand_shape(bottoms, self.axis, self.num_axes)

    def along_images(self, bottoms: Blobs) -> bool:
        """Return whether the second bottom has one value an image and channel of the first, and nothing else is done.

        A learned bias lies along the second bottom, too.
        """
        if len(bottoms) != 2 or self.weight_shapes(bottoms):
            return False
        return bottoms[0].axis(self.axis) == 0 and bottoms[1].shape == bottoms[0].shape[:2]

    def why_real(self, bottoms: Blobs) -> str | None:
        """With one number a channel, or one an image and channel, there is an 8-bit form."""
        if along_channels(bottoms, self.axis, self.num_axes) or self.along_images(bottoms):
            return None
        return "has an 8-bit form only with one number a channel, or one an image and channel"

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The first bottom's shape."""
        self.operand_shape(bottoms)
        return (Blob(bottoms[0].shape),)

    def why_no_bf16(self, bottoms: Blobs) -> str | None:
        """With one number a channel, or one an image and channel, it has."""
        if along_channels(bottoms, self.axis, self.num_axes) or self.along_images(bottoms):
            return None
        return "has a bf16 form only with one number a channel, or one an image and channel"

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED where no operand, a scalar or one with the batch and channel axes in place is given, else FIXED."""
        if len(bottoms[0].shape) < 2:
            return ChannelRule.FIXED
        if len(bottoms) == 1 or not bottoms[1].shape:
            return ChannelRule.CARRIED
        aligned = bottoms[0].axis(self.axis) == 0 and len(bottoms[1].shape) > 1
        return ChannelRule.CARRIED if aligned else ChannelRule.FIXED

    def channel_map(self, bottom: int, bottoms: Blobs) -> Array:
        """Its own channel of each bottom, none of a scalar operand."""
        channels = bottoms[0].shape[1]
        return np.arange(channels) if bottoms[bottom].shape else np.full(channels, -1)

    def operand_axes(self, bottoms: Blobs) -> WeightAxes:
        """Return the operand's axes: the top's channels along axis 1 of the bottom."""
        shape = self.operand_shape(bottoms)
        start = bottoms[0].axis(self.axis) if shape else 0
        return tuple(
            ChannelAxis(Side.TOP, extent) if number == 1 else extent for number, extent in enumerate(shape, start)
        )

    def keeps_positions(self, bottoms: Blobs) -> bool:
        """Where the operand is learned and lies along batch and channels only; a blob may not be thinned with them."""
        if len(bottoms) > 1:
            return False
        operand = self.operand_shape(bottoms)
        return not operand or bottoms[0].axis(self.axis) + len(operand) <= 2
