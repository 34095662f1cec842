"""ImResize: images of another size, each place a cubic mean of four by four around it."""

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Blobs
from xdn.layers.base import Field, Message, layer_type, one_bottom, proto
from xdn.layers.resampling import Resampling

#: What a place may lie before one of the bottom and still count as that.
_ROUNDED = 1e-5


@layer_type("ImResize")
class ImResize(Resampling):
    """ImResize: to `factor` times the size, or `target_spatial_height` x `target_spatial_width`; cubic.

    The middles of places count. The four places around one, on each axis, have the weights of Keys' cubic of -1/2,
    which go on before the first place; beyond the border lies what lies at the border. The source is imresize_layer.cu
    of rtpose's Caffe (Cao et al. 2016). OpenPose's takes the images of a batch for one image at scales that differ by
    `scale_gap`, and gives their mean; here each image of a batch is one at the first scale.
    """

    message = Message("ImResizeParameter", "imresize_param", 2219)
    #: How the scales of later images differ.
    unused = {"scale_gap": Field(5, "float")}

    target_spatial_width: int = proto(1, "uint32", default=368)
    target_spatial_height: int = proto(2, "uint32", default=368)
    factor: float = proto(3, "float", default=0.0)
    start_scale: float = proto(4, "float", default=1.0)

    def size(self, bottoms: Blobs) -> tuple[int, int]:
        """Return the top's height and width."""
        h, w = one_bottom(bottoms, 4).shape[2:]
        if self.start_scale != 1:
            what = f"start_scale {self.start_scale}, which cuts off a border"
            raise UnsupportedError(what, mend="A Crop before the layer does so")
        if not 0 <= self.factor < 1 << 16:
            raise ShapeError(f"factor {self.factor}; it is 0 or more, and less than {1 << 16}")
        if self.factor:
            size = int(np.float32(h) * np.float32(self.factor)), int(np.float32(w) * np.float32(self.factor))
        else:
            size = self.target_spatial_height, self.target_spatial_width
        if min(size) < 1:
            raise ShapeError(f"images of {h}x{w} to {size[0]}x{size[1]}; give a factor or a size")
        return size

    def laid_out(self, bottoms: Blobs) -> tuple[Array, Array]:
        """Return the matrices (P, H) and (Q, W), f32, that say how much each row, and column, gives to each."""
        rows, columns = map(_cubic_weights, bottoms[0].shape[2:], self.size(bottoms))
        return rows, columns


def _cubic_weights(size: int, wanted: int) -> Array:
    """Return the weights (wanted, size), f32, along an axis."""
    half, grows = np.float32(0.5), np.float32(wanted) / np.float32(size)
    at = (np.arange(wanted, dtype=np.float32) - (grows / 2 - half)) * (np.float32(size) / np.float32(wanted))
    before = np.maximum(np.trunc(at + _ROUNDED), 0).astype(np.int64)
    d = at - before.astype(np.float32)
    shares = (
        d * (d * (1 - half * d) - half),
        d * d * (3 * half * d - 5 * half) + 1,
        d * (d * (2 - 3 * half * d) + half),
        d * d * (half * d - half),
    )
    found = np.zeros((wanted, size), np.float32)
    for apart, share in enumerate(shares, start=-1):
        np.add.at(found, (np.arange(wanted), (before + apart).clip(0, size - 1)), share)
    return found
