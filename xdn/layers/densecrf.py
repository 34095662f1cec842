"""DenseCRF: a conditional random field over pixels whose weights are stated."""

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto
from xdn.layers.permutohedral import check_widths, lattice_bytes, points_of, smoother
from xdn.layers.softmax import Softmax

#: What a probability is at least, of which the logarithm is taken.
_LEAST = np.finfo(np.float32).tiny
#: Of so many steps none has more than some tens, and of filters no more than some.
_MOST_STEPS, _MOST_FILTERS = 1 << 7, 1 << 4


@layer_type("DenseCRF")
class DenseCRF(CaffeLayer):
    """DenseCRF: q = softmax(s + sum of w * q filtered), `max_iter` times; the bottoms are s, sizes, and images.

    s are scores (N, C, H, W), the sizes (N, 2) rows and columns of each image that count: past these the top is 0.
    Filters are Gaussian, normalised: over places `pos_xy_std` wide, with weight `pos_w`, and over places and colours,
    `bi_xy_std` and `bi_rgb_std` wide, with weight `bi_w`. The top is q, with `output_probability: false` its logarithm.
    The source is densecrf_layer.cpp of DeepLab (Krähenbühl and Koltun 2011), whose exponentials are approximate.
    """

    message = Message("DenseCRFParameter", "dense_crf_param", 2218)
    fixed_because = "lets classes answer each other"

    max_iter: int = proto(1, "int32", default=0)
    pos_w: tuple[float, ...] = proto(2, "float", default=(), repeated=True)
    pos_xy_std: tuple[float, ...] = proto(3, "float", default=(), repeated=True)
    bi_w: tuple[float, ...] = proto(4, "float", default=(), repeated=True)
    bi_xy_std: tuple[float, ...] = proto(5, "float", default=(), repeated=True)
    bi_rgb_std: tuple[float, ...] = proto(6, "float", default=(), repeated=True)
    output_probability: bool | None = proto(7, "bool", default=None)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W), as the scores."""
        takes = "scores (N, C, H, W), sizes (N, 2), and images (N, 3, H, W)"
        shapes = [bottom.shape for bottom in bottoms]
        if len(shapes) not in (2, 3) or len(shapes[0]) != 4:
            raise misfit(bottoms, takes)
        n, _, *sizes = shapes[0]
        if bottoms[1].size != 2 * n or shapes[1][0] != n or shapes[2:] not in ([], [(n, 3, *sizes)]):
            raise misfit(bottoms, takes)
        self._check(sizes, images=len(shapes) == 3)
        return (Blob(shapes[0]),)

    def _check(self, sizes: Shape | list[int], images: bool) -> None:
        """Raise ShapeError where filters lack a number, or are too many; UnsupportedError where a field is missing."""
        if self.output_probability is None or not self.max_iter:
            raise UnsupportedError("dense_crf_param states no max_iter, or no output_probability", mend="State both")
        if not 0 < self.max_iter <= _MOST_STEPS:
            raise ShapeError(f"max_iter {self.max_iter}; at least 1, at most {_MOST_STEPS} are taken")
        lengths = (len(self.pos_w), len(self.pos_xy_std)), (len(self.bi_w), len(self.bi_xy_std), len(self.bi_rgb_std))
        if any(len(set(each)) > 1 or max(each) > _MOST_FILTERS for each in lengths) or (images and not self.bi_w):
            what = f"{lengths[0]} numbers for filters over places, {lengths[1]} for those over colours"
            raise ShapeError(f"{what}; each filter has one of each, those over colours images, and they are few")
        widths = (*self.pos_xy_std, *self.bi_xy_std, *self.bi_rgb_std)
        if not all(0 < width < np.inf for width in widths) or not np.isfinite((*self.pos_w, *self.bi_w)).all():
            raise ShapeError("a width is not positive, or a weight not finite")
        for width in self.pos_xy_std:
            check_widths(sizes, width)
        for width, colour_width in zip(self.bi_xy_std, self.bi_rgb_std, strict=True) if images else ():
            check_widths(sizes, width, colour_width)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """All lattices."""
        return max(1, len(self.pos_w) + len(self.bi_w)) * lattice_bytes(bottoms[0].shape[2:]) + 8 * tops[0].bytes

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Image by image, in f32; a filter's sums in f64."""
        scores, given = bottoms[0], bottoms[1].reshape(len(bottoms[0]), 2)
        top = np.zeros(scores.shape, np.float32)
        h, w = scores.shape[2:]
        for number, (rows, columns) in enumerate(given):
            # An image as large as the scores, or larger, is all there.
            whole = not (rows < h or columns < w)
            p, q = (h, w) if whole else (int(np.clip(rows, 0, h)), int(np.clip(columns, 0, w)))
            image = bottoms[2][number, :, :p, :q] if len(bottoms) > 2 else None
            if p and q:
                top[number, :, :p, :q] = self._inferred(scores[number, :, :p, :q], image)
        return (top,)

    def _inferred(self, scores: Array, image: Array | None) -> Array:
        """Return (C, H, W) of one image."""
        classes, h, w = scores.shape
        filters = [
            (weight, smoother(points_of((h, w), width)))
            for weight, width in zip(self.pos_w, self.pos_xy_std, strict=True)
        ]
        if image is not None:
            for weight, width, colour in zip(self.bi_w, self.bi_xy_std, self.bi_rgb_std, strict=True):
                filters.append((weight, smoother(points_of((h, w), width, image, colour))))
        flat = scores.reshape(classes, -1)
        (likely,) = Softmax(axis=0).reference([flat], {}, 1)
        for _ in range(self.max_iter):
            passed = sum((np.float32(weight) * smooth(likely) for weight, smooth in filters), start=flat)
            (likely,) = Softmax(axis=0).reference([passed], {}, 1)
        found = likely if self.output_probability else np.log(np.maximum(likely, _LEAST))
        return found.reshape(scores.shape)

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """Images that are all there."""
        return np.full(shape, np.float32(np.iinfo(np.int32).max)) if bottom == 1 else None
