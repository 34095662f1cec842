"""BatchNorm: every channel shifted and scaled to mean 0 and variance 1."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xdn.errors import UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelAxis, ChannelRule, Side, WeightAxes, Weights
from xdn.layers.base import ENGINE, Message, ShapeKeeper, fillers, layer_type, proto


class BatchNormalisation(ShapeKeeper):
    """Base of the layers that normalise channels by kept statistics, or by those of the batch at hand."""

    channel_rule = ChannelRule.CARRIED
    # With the batch's statistics too: they are complete before the first element is written.
    elementwise = True

    @property
    @abstractmethod
    def batch_statistics(self) -> bool:
        """Whether mean and variance are those of the batch at hand."""

    def why_real(self, bottoms: Blobs) -> str | None:
        """By kept statistics there is an 8-bit form."""
        return "normalises by the batch at hand, which has no 8-bit form" if self.batch_statistics else None

    def why_no_bf16(self, bottoms: Blobs) -> str | None:
        """By kept statistics it has."""
        return "normalises by the statistics of the batch" if self.batch_statistics else None

    def joins_images(self, bottoms: Blobs) -> bool:
        """By the statistics of the batch."""
        return self.batch_statistics

    def keeps_positions(self, bottoms: Blobs) -> bool:
        """One factor and one shift a channel, but for the batch's statistics, which every position enters."""
        return not self.batch_statistics


def moments(images: Array) -> tuple[Array, Array]:
    """Return mean and variance (C,) of `images` (N, C, positions), in f32."""
    mean = images.mean(axis=(0, 2), dtype=np.float32)
    return mean, np.square(images - mean[:, None]).mean(axis=(0, 2), dtype=np.float32)


@layer_type("BatchNorm")
class BatchNorm(BatchNormalisation):
    """BatchNorm: y = (x - mean) / sqrt(variance + eps), per channel (Ioffe and Szegedy 2015).

    The file holds sums: mean and variance are the weights divided by scale_factor (0 where that is 0).
    `use_global_stats` None means by phase, which is True at TEST; False takes mean and variance of the batch at
    hand, so that the images of a batch are no longer independent. The source is Caffe's batch_norm_layer.cpp.
    `scale_bias` is NVIDIA's: a learned scale and bias follow, which plain Caffe writes as a Scale layer. NVIDIA's Caffe
    takes the kept statistics at TEST whatever `use_global_stats` says, which there is False by default. Synopsys' Caffe
    can add eps to the deviation, as Darknet does (`add_eps_before_sqrt: false`).
    """

    axis = 0  # Of one with a batch only, axis 1 counts as one channel.
    message = Message("BatchNormParameter", "batch_norm_param", 139)
    unused = {**fillers(scale_filler=5, bias_filler=6, filler=9), "engine": ENGINE.at(15)}

    use_global_stats: bool | None = proto(1, "bool", default=None)
    moving_average_fraction: float = proto(2, "float", default=0.999)
    eps: float = proto(3, "float", default=1e-5)
    scale_bias: bool = proto(7, "bool", default=False)
    add_eps_before_sqrt: bool = proto(2001, "bool", default=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged."""
        if self.batch_statistics and not self.add_eps_before_sqrt:
            what = "add_eps_before_sqrt: false together with the statistics of the batch (use_global_stats: false)"
            raise UnsupportedError(what, mend="Remove one of the two")
        return super().infer(bottoms, n_tops)

    @property
    def batch_statistics(self) -> bool:
        """Whether mean and variance are those of the batch at hand."""
        return self.use_global_stats is False and not self.scale_bias

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Mean (C,), variance (C,), scale_factor (1,), scale and bias (C,); C is 1 for a bottom with one axis."""
        channels = (ChannelAxis(Side.TOP, (*bottoms[0].shape, 1)[1]),)
        kept: dict[str, WeightAxes] = {"mean": channels, "variance": channels, "scale_factor": (1,)}
        return kept | dict.fromkeys(("scale", "bias") if self.scale_bias else (), channels)

    def params_for(self, count: int) -> "BatchNorm | None":
        """Five weights are NVIDIA's, whose files need not say `scale_bias`."""
        return replace(self, scale_bias=True) if count == 5 else None

    def stored_order(self, sizes: Sequence[int]) -> Sequence[int | None] | None:
        """DeePhi's Caffe keeps scale, bias, mean, variance, and a fifth number that it does not use."""
        deephi = self.scale_bias and len(sizes) == 5 and sizes[4] == 1 < sizes[2]
        return (2, 3, None, 0, 1) if deephi else None

    def statistics(self, weights: Weights) -> tuple[Array, Array]:
        """Return the global (mean, variance), each (C,) f32, divided by scale_factor.

        Where eps is to be added to the deviation, the variance is that of the sum, less eps: (d + eps)**2 - eps.
        """
        total = weights["scale_factor"][0]
        factor = np.float32(0) if total == 0 else np.float32(1) / total
        mean, variance = weights["mean"] * factor, weights["variance"] * factor
        if not self.add_eps_before_sqrt:
            variance = (np.square(np.sqrt(variance.astype(np.float64)) + self.eps) - self.eps).astype(np.float32)
        return mean, variance

    def normal(self, weights: Weights) -> tuple[Array, Array]:
        """Return the global mean and deviation, each (C,) f32."""
        mean, variance = self.statistics(weights)
        return mean, np.sqrt(variance + np.float32(self.eps))

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Subtract the mean, then divide by the deviation, each rounded to f32."""
        x = bottoms[0]
        images = x.reshape(x.shape[0], (*x.shape, 1)[1], -1)
        if self.batch_statistics:
            mean, variance = moments(images)
            deviation = np.sqrt(variance + np.float32(self.eps))
        else:
            mean, deviation = self.normal(weights)
        normal = (images - mean[:, None]) / deviation[:, None]
        if self.scale_bias:
            normal = normal * weights["scale"][:, None] + weights["bias"][:, None]
        return (normal.reshape(x.shape),)
