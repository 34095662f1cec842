"""DataAugmentation: at test time, the mean taken off images."""

from collections.abc import Sequence

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelAxis, Side, WeightAxes, Weights
from xdn.layers.base import CaffeLayer, Field, Message, layer_type, one_bottom, proto

#: What is drawn at random, by the message that says how.
_DRAWN = (
    *("mirror", "translate", "rotate", "zoom", "squeeze", "translate_x", "translate_y"),
    *("gamma", "brightness", "contrast", "color"),
    *(f"{part}_{how}" for part in ("lmult", "sat", "col", "ladd") for how in ("pow", "mult", "add")),
    *("col_rotate", "fog_amount", "fog_size", "motion_blur_angle", "motion_blur_size"),
    *("shadow_angle", "shadow_distance", "shadow_strength", "noise"),
)
#: A file has how often the mean was computed, that of each position, and that of each channel.
_STORED = 3


@layer_type("DataAugmentation")
class DataAugmentation(CaffeLayer):
    """DataAugmentation: y = x - mean of each channel; what training draws at random is left out.

    The mean is what training computed over `recompute_mean` iterations, or three numbers in the text. A mean of each
    position (`mean_per_pixel`, which is the default) is taken where it has the size of the images. The source is
    data_augmentation_layer.cu of FlowNet2 (Ilg et al. 2017).
    """

    message = Message("AugmentationParameter", "augmentation_param", 2217)
    unused = {
        "write_augmented": Field(2, "string"),
        "max_multiplier": Field(3, "float"),
        "write_mean": Field(6, "string"),
        "mode": Field(8, "string"),
        "chromatic_eigvec": Field(83, "float", repeated=True),
        **{name: Field(1000 + place, "RandomGeneratorParameter") for place, name in enumerate(_DRAWN)},
    }
    fixed_because = "has a mean of each channel of the images"

    augment_during_test: bool = proto(4, "bool", default=False)
    recompute_mean: int = proto(5, "uint32", default=0)
    mean_per_pixel: bool = proto(7, "bool", default=True)
    mean: tuple[float, ...] = proto(18, "float", default=(), repeated=True)
    crop_width: int = proto(33, "uint32", default=0)
    crop_height: int = proto(34, "uint32", default=0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W), unchanged."""
        n, c, h, w = one_bottom(bottoms, 4).shape
        if self.crop_width and self.crop_height and (self.crop_height, self.crop_width) != (h, w):
            what = f"images of {h}x{w} are to be cropped to {self.crop_height}x{self.crop_width}"
            raise UnsupportedError(what, mend="Give images of that size")
        if self._stated and len(self.mean) != c:
            raise ShapeError(f"{len(self.mean)} mean for {c} channels")
        return (Blob((n, c, h, w)),)

    @property
    def _stated(self) -> bool:
        """Whether the text has the mean: three numbers, which count for channels only."""
        return not self.recompute_mean and len(self.mean) == 3 and not self.mean_per_pixel

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Mean (C,), or of each position (C, H, W); none where training computed none."""
        if not self.recompute_mean:
            return {}
        channels = ChannelAxis(Side.TOP, bottoms[0].shape[1])
        return {"mean": (channels, *bottoms[0].shape[2:]) if self.mean_per_pixel else (channels,)}

    def stored_order(self, sizes: Sequence[int]) -> Sequence[int | None] | None:
        """Of three weights of a file it takes one."""
        return ((1,) if self.mean_per_pixel else (2,)) if self.recompute_mean and len(sizes) == _STORED else None

    def channel_mean(self, channels: int, weights: Weights) -> Array | None:
        """Return the mean (C,) f32 of each channel, zeros where there is none; None of a mean of each position."""
        if self.recompute_mean:
            return None if self.mean_per_pixel else weights["mean"]
        return np.array(self.mean if self._stated else [0] * channels, np.float32)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The difference in f32."""
        x = bottoms[0]
        mean = self.channel_mean(x.shape[1], weights)
        return (x - (weights["mean"] if mean is None else mean.reshape(-1, 1, 1)),)
