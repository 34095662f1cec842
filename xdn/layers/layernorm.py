"""LayerNorm: what each position has, shifted to mean 0 and scaled to variance 1."""

from math import prod

import numpy as np

from xdn.graph import Array, Arrays, Blobs, Shape, WeightAxes, Weights
from xdn.layers.base import Message, ShapeKeeper, layer_type, proto


@layer_type("LayerNorm")
class LayerNorm(ShapeKeeper):
    """LayerNorm: y = (x - mean) / sqrt(variance + eps) * scale + bias, over the axes from `axis` on (Ba et al. 2016).

    Scale and bias have a value for each element of these axes.
    """

    message = Message("LayerNormParameter", "layer_norm_param", 2103)
    fixed_because = "takes mean and variance over the axes from one on"

    axis: int = proto(1, "int32", default=-1)
    eps: float = proto(2, "float", default=1e-5)

    def normalised(self, bottoms: Blobs) -> Shape:
        """Return the extents over which a mean is taken."""
        return bottoms[0].shape[bottoms[0].axis(self.axis) :]

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Scale and bias, of the shape that is normalised."""
        shape: WeightAxes = self.normalised(bottoms)
        return {"scale": shape, "bias": shape}

    def joins_images(self, bottoms: Blobs) -> bool:
        """From the batch axis on."""
        return bottoms[0].axis(self.axis) == 0

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Subtract the mean, divide by the deviation, then scale and bias; sums in f64."""
        x, axis = bottoms[0], self.axis % bottoms[0].ndim
        rows = x.reshape(*x.shape[:axis], prod(x.shape[axis:]))
        centred = rows - rows.mean(axis=-1, keepdims=True, dtype=np.float64).astype(np.float32)
        variance = np.square(centred).mean(axis=-1, keepdims=True, dtype=np.float64) + self.eps
        normal = (centred / np.sqrt(variance).astype(np.float32)).reshape(x.shape)
        return (normal * weights["scale"] + weights["bias"],)
