"""DepthToSpace: channels into positions, as sub-pixel convolutions need it."""

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import Message, blobs_of, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable

#: How the channels are put: the block's places last, as PyTorch's pixel_shuffle has them, or first, as TensorFlow.
_PLACES_LAST, _PLACES_FIRST = ("CRD",), ("DCR", "NCHW")


@layer_type("DepthToSpace")
class DepthToSpace(Portable):
    """DepthToSpace: (N, C * block**2, H, W) -> (N, C, H * block, W * block) (Shi et al. 2016).

    `data_format` says what is first among the channels: with CRD a channel's places in the block lie together, with DCR
    and NCHW all channels of one place. The source is depth_to_space_layer.cpp of Synopsys' Caffe. Tiling and
    PixelShuffle of other forks are CRD.
    """

    message = Message("DepthToSpaceParameter", "depth_to_space_param", 2031)
    always_moves = True
    fixed_because = "turns channels into positions"

    block_size: int = proto(1, "int32", default=0)
    data_format: str = proto(2, "string", default="NCHW")

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Channels become positions."""
        n, c, h, w = one_bottom(bottoms, 4).shape
        if self.data_format not in (*_PLACES_LAST, *_PLACES_FIRST):
            known = ", ".join((*_PLACES_LAST, *_PLACES_FIRST))
            raise ShapeError(f"data_format {self.data_format!r}", mend=f"Known of blobs (N, C, H, W): {known}")
        s = self.block_size
        if s < 1 or c % (s * s):
            raise ShapeError(f"{c} channels do not divide by the square of block_size {s}")
        return (Blob((n, c // (s * s), h * s, w * s)),)

    def parts(self, channels: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """Return how the channels are cut into three, and which of these are channel, row and column."""
        s, out = self.block_size, channels // self.block_size**2
        return ((out, s, s), (0, 1, 2)) if self.data_format in _PLACES_LAST else ((s, s, out), (2, 0, 1))

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """One transposition."""
        n, c, h, w = bottoms[0].shape
        (top,) = self.infer(blobs_of(bottoms), n_tops)
        cut, (channel, row, column) = self.parts(c)
        parted = bottoms[0].reshape(n, *cut, h, w)
        parted = lib.moveaxis(parted, (1 + channel, 4, 1 + row, 5, 1 + column), (1, 2, 3, 4, 5))
        return (parted.reshape(top.shape),)
