"""Mean: a number for each channel added to images, or taken off."""

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("Mean")
class Mean(Portable):
    """Mean: y = output_scale * (input_scale * x + mean_scale * value[c]), or with SUBTRACT the difference.

    The values repeat, where there are fewer than channels. The source is mean_layer.cpp of FlowNet (Dosovitskiy et al.
    2015). In another fork, which states no `operation`, y = scale * x - value[c].
    """

    message = Message("MeanParameter", "mean_param", 2221)
    fixed_because = "has a mean of each channel of the images"
    elementwise = True
    always_keeps_positions = True

    operation: str | None = proto(1, "enum", default=None, values={"ADD": 1, "SUBTRACT": 4})
    file: str = proto(2, "string", default="")
    value: tuple[float, ...] = proto(3, "float", default=(), repeated=True)
    mean_scale: float = proto(4, "float", default=1.0)
    input_scale: float = proto(5, "float", default=1.0)
    output_scale: float = proto(6, "float", default=1.0)
    scale: float = proto(2000, "float", default=1.0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W), unchanged."""
        bottom = one_bottom(bottoms, 4)
        if self.file:
            mend = "Give a value for each channel, or remove the layer and name the file to xdn-run --mean-file"
            raise UnsupportedError(f"a mean of each position, in the file {self.file!r}", mend=mend)
        if not self.value or bottom.shape[1] % len(self.value):
            raise ShapeError(f"{len(self.value)} values for {bottom.shape[1]} channels, which are no multiple of these")
        return (Blob(bottom.shape),)

    def terms(self, channels: int) -> tuple[Array, Array]:
        """Return factor and offset (C,) f32 of each channel: y = factor * x + offset."""
        values = np.resize(np.array(self.value, np.float32), channels)
        if self.operation is None:
            return np.full(channels, self.scale, np.float32), -values
        sign = self.output_scale * self.mean_scale * (1 if self.operation == "ADD" else -1)
        return np.full(channels, self.output_scale * self.input_scale, np.float32), values * np.float32(sign)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The product, then the sum."""
        (x,) = bottoms
        factor, offset = (lib.asarray(each, dtype=x.dtype).reshape(-1, 1, 1) for each in self.terms(x.shape[1]))
        return (x * factor + offset,)
