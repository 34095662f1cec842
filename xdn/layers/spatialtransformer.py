"""SpatialTransformer: an image read along a grid that an affine map has moved."""

from dataclasses import fields

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Field, Message, layer_type, misfit, proto
from xdn.layers.interpolation import sampled

_ENTRIES = 6


@layer_type("SpatialTransformer")
class SpatialTransformer(CaffeLayer):
    """SpatialTransformer: place (h, w) is the first bottom, bilinear, where theta * (h, w, 1) says; 0 beyond it.

    The second bottom is theta (N, 6), two rows of three, rows of the image first; entries that the layer states itself
    (`theta_1_1`, ...) are not among them. Both sides count from -1 on, up to 1, which the last row is short of. The
    top's size is `output_H` x `output_W`, or the bottom's. The source is st_layer.cu of the forks with
    daerduoCarey's layer (Jaderberg et al. 2015).
    """

    message = Message("SpatialTransformerParameter", "st_param", 2080)
    unused = {"to_compute_dU": Field(5, "bool")}
    fixed_because = "reads places that a map of the whole image tells"

    transform_type: str = proto(1, "string", default="affine")
    sampler_type: str = proto(2, "string", default="bilinear")
    output_H: int = proto(3, "int32", default=0)  # noqa: N815
    output_W: int = proto(4, "int32", default=0)  # noqa: N815
    theta_1_1: float | None = proto(6, "float", default=None)
    theta_1_2: float | None = proto(7, "float", default=None)
    theta_1_3: float | None = proto(8, "float", default=None)
    theta_2_1: float | None = proto(9, "float", default=None)
    theta_2_2: float | None = proto(10, "float", default=None)
    theta_2_3: float | None = proto(11, "float", default=None)

    @property
    def stated(self) -> tuple[float | None, ...]:
        """The entries of theta, row by row, None for those that the second bottom has."""
        return tuple(getattr(self, field.name) for field in fields(self) if field.name.startswith("theta"))

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, output_H, output_W)."""
        if (self.transform_type, self.sampler_type) != ("affine", "bilinear"):
            what = f"transform_type {self.transform_type!r} with sampler_type {self.sampler_type!r}"
            raise UnsupportedError(what, mend="Known: affine, bilinear")
        missing = self.stated.count(None)
        takes = f"images (N, C, H, W) and {missing} entries of theta an image"
        if len(bottoms) != 2 or len(bottoms[0].shape) != 4 or not bottoms[1].shape:
            raise misfit(bottoms, takes)
        n, c, h, w = bottoms[0].shape
        if bottoms[1].shape[0] != n or bottoms[1].size != n * missing:
            raise misfit(bottoms, takes)
        if self.output_H < 0 or self.output_W < 0:
            raise ShapeError(f"output_H {self.output_H} and output_W {self.output_W}; none is negative")
        return (Blob((n, c, self.output_H or h, self.output_W or w)),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The grid, moved in f32, then the four places around each of its points."""
        images, given = bottoms
        n, _, h, w = images.shape
        size = (self.output_H or h, self.output_W or w)
        theta = np.empty((n, _ENTRIES), np.float32)
        missing = [entry is None for entry in self.stated]
        theta[:, missing] = given.reshape(n, -1)
        theta[:, np.logical_not(missing)] = [entry for entry in self.stated if entry is not None]
        down, right = ((np.arange(extent) / extent * 2 - 1).astype(np.float32) for extent in size)
        row, column = theta.reshape(n, 2, 3).transpose(1, 0, 2)[..., None, None]
        places = [by[:, 0] * down[:, None] + by[:, 1] * right + by[:, 2] for by in (row, column)]
        half = np.float32(0.5)
        y, x = ((place + 1) * half * np.float32(extent) for place, extent in zip(places, (h, w), strict=True))
        return (sampled(images, y, x, beyond=True),)
