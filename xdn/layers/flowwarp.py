"""FlowWarp: an image read along a flow."""

import numpy as np

from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto
from xdn.layers.interpolation import sampled_within


@layer_type("FlowWarp")
class FlowWarp(CaffeLayer):
    """FlowWarp: place (h, w) is the first bottom, bilinear, at (h + v, w + u); the second is (N, 2, H, W), u and v.

    Where that lies beyond the image it is 0, or what is not a number (`fill_value`); past the last row or column, but
    by less than one, it is that row or column. The source is flow_warp_layer.cpp of FlowNet2 (Ilg et al. 2017).
    """

    message = Message("FlowWarpParameter", "flow_warp_param", 2070)
    fixed_because = "reads channels of a flow, which all of an image's share"
    always_jumps = True  # At the border.

    fill_value: str = proto(1, "enum", default="ZERO", values={"ZERO": 1, "NOT_A_NUMBER": 2})

    @property
    def outside(self) -> float:
        """What stands where a place lies beyond the image."""
        return 0.0 if self.fill_value == "ZERO" else float("nan")

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The first bottom's shape (N, C, H, W)."""
        if len(bottoms) != 2 or len(bottoms[0].shape) != 4:
            raise misfit(bottoms, "images (N, C, H, W) and a flow (N, 2, H, W)")
        n, _, h, w = bottoms[0].shape
        if bottoms[1].shape != (n, 2, h, w):
            raise misfit(bottoms, "images (N, C, H, W) and a flow (N, 2, H, W)")
        return (Blob(bottoms[0].shape),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The four corners around each place, weighted in f32."""
        images, flow = bottoms
        h, w = images.shape[2:]
        x = np.arange(w, dtype=np.float32) + flow[:, 0]
        y = np.arange(h, dtype=np.float32)[:, None] + flow[:, 1]
        return (sampled_within(images, y, x, outside=self.outside),)
