"""TextProposal: where lines of text may be, in strips of one width."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import Message, layer_type, misfit, proto
from xdn.layers.boxes import example_size
from xdn.layers.portable import Library, Portable

#: Of strips, in pixels; each is as wide as 16 pixels.
_HEIGHTS, _WIDTH = (11, 16, 23, 33, 48, 68, 97, 139, 198, 283), 16
COUNT = len(_HEIGHTS)


@layer_type("TextProposal")
class TextProposal(Portable):
    """TextProposal: ten strips 16 pixels wide at every position, moved and stretched up and down, within the image.

    The bottoms are of one image: probabilities (1, 20, H, W), of which the second half is used, centres and logarithms
    of heights (1, 20, H, W), and height and width of the image. The tops are boxes (10 * H * W, 4) and their scores
    (10 * H * W, 1). The source is text_proposal_layer.py of CTPN (Tian et al. 2016), a Python layer in its files.
    """

    message = Message("TextProposalParameter", "text_proposal_param", 2065)

    feat_stride: int = proto(1, "uint32", default=16)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """One box and one score for each strip."""
        if len(bottoms) != 3 or any(len(bottom.shape) != 4 for bottom in bottoms[:2]):
            raise misfit(bottoms, "probabilities, deltas and the image's size")
        n, channels, h, w = bottoms[0].shape
        if (n, channels) != (1, 2 * COUNT) or bottoms[1].shape != bottoms[0].shape or bottoms[2].size < 2:
            raise misfit(bottoms, f"(1, {2 * COUNT}, H, W) twice, and height and width")
        if not 1 <= self.feat_stride <= 1 << 16:
            raise ShapeError(f"feat_stride is {self.feat_stride}; it is from 1 to {1 << 16}")
        if n_tops not in (1, 2):
            raise ShapeError(f"{n_tops} tops; it gives boxes, and their scores")
        count = COUNT * h * w
        return (Blob((count, 4)), Blob((count, 1)))[:n_tops]

    def strips(self, h: int, w: int) -> Array:
        """Return the strips (10 * H * W, 4) around all positions, position by position; in whole pixels, as ints."""
        centre = (_WIDTH - 1) / 2
        # Halves of heights are whole numbers, as Python 2 divides; places are cut off towards 0.
        halves = np.array([[_WIDTH // 2, height // 2] for height in _HEIGHTS])
        own = np.trunc(np.hstack([centre - halves, centre + halves]))
        x, y = np.meshgrid(np.arange(w) * self.feat_stride, np.arange(h) * self.feat_stride)
        shifts = np.stack([x, y, x, y], axis=-1).reshape(-1, 1, 4)
        made: Array = (own + shifts).reshape(-1, 4).astype(np.float32)
        return made

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Heights and centres of all strips at once."""
        probabilities, deltas, size = bottoms
        h, w = probabilities.shape[2:]
        left, top, right, bottom = lib.asarray(self.strips(h, w)).T
        moves = lib.moveaxis(deltas[0], 0, 2).reshape(-1, 2)
        own = bottom - top + 1
        heights = lib.exp(moves[:, 1]) * own
        tops = moves[:, 0] * own + (top + bottom) / 2 - heights / 2
        last = size.reshape(-1)[:2] - 1
        bounds = (last[1], last[0], last[1], last[0])
        edges = [
            lib.minimum(edge, bound).clip(0)
            for edge, bound in zip((left, tops, right, tops + heights), bounds, strict=True)
        ]
        scores = lib.moveaxis(probabilities[0, COUNT:], 0, 2).reshape(-1, 1)
        return (lib.stack(edges, 1), scores)[:n_tops]

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """The image's size, and 1 for its scale where there is room for it."""
        return example_size(bottom, shape, image)
