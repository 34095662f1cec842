"""MultiStageMeanfield: a conditional random field over pixels, as steps that a network learns."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import CaffeLayer, Field, Message, layer_type, misfit, proto
from xdn.layers.permutohedral import check_widths, lattice_bytes, points_of, smoother
from xdn.layers.softmax import Softmax

#: Of so many steps none has more than some tens.
_MOST_STEPS = 1 << 7


@layer_type("MultiStageMeanfield")
class MultiStageMeanfield(CaffeLayer):
    """MultiStageMeanfield: U - M * (S * near + B * alike), `num_iterations` times; the bottoms are U, U, an image.

    near and alike are Gaussian filters of the softmax of the result so far, normalised: over places, `theta_gamma`
    wide, and over places and colours, `theta_alpha` and `theta_beta` wide. S, B and M, of C x C, are learned. The
    source is multi_stage_meanfield.cpp of CRF-RNN's Caffe (Zheng et al. 2015); its fork for continuous values has one
    channel, and is refused.
    """

    message = Message("MultiStageMeanfieldParameter", "multi_stage_meanfield_param", 2210)
    #: What weights are filled with before training.
    unused = {
        "compatibility_mode": Field(1, "enum", values={"POTTS": 0}),
        "threshold": Field(2, "float"),
        "spatial_filter_weight": Field(7, "float"),
        "bilateral_filter_weight": Field(8, "float"),
        "spatial_filter_weights_str": Field(9, "string"),
        "bilateral_filter_weights_str": Field(10, "string"),
    }
    fixed_because = "lets classes answer each other"

    theta_alpha: float = proto(3, "float", default=0.0)
    theta_beta: float = proto(4, "float", default=0.0)
    theta_gamma: float = proto(5, "float", default=0.0)
    num_iterations: int = proto(6, "uint32", default=0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W), as the first two bottoms."""
        shapes = [bottom.shape for bottom in bottoms]
        if len(shapes) != 3 or len(shapes[0]) != 4 or shapes[1] != shapes[0]:
            raise misfit(bottoms, "scores (N, C, H, W) twice, and images (N, 3, H, W)")
        n, classes, *sizes = shapes[0]
        if shapes[2] != (n, 3, *sizes) or classes < 2:
            raise misfit(bottoms, "scores (N, C, H, W) of two or more classes, twice, and images (N, 3, H, W)")
        widths = (self.theta_alpha, self.theta_beta, self.theta_gamma)
        if not all(np.isfinite(width) and width > 0 for width in widths):
            raise ShapeError(f"theta_alpha, theta_beta and theta_gamma are {widths}; all are positive")
        check_widths(sizes, self.theta_gamma)
        check_widths(sizes, self.theta_alpha, self.theta_beta)
        if not 0 < self.num_iterations <= _MOST_STEPS:
            raise ShapeError(f"num_iterations {self.num_iterations}; at least 1, at most {_MOST_STEPS} are taken")
        return (Blob(shapes[0]),)

    def weight_shapes(self, bottoms: Blobs) -> dict[str, Shape]:
        """S, B and M, (C, C)."""
        classes = bottoms[0].shape[1]
        return dict.fromkeys(("spatial", "bilateral", "compatibility"), (classes, classes))

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """The three products with matrices."""
        return 3 * self.num_iterations * tops[0].size * tops[0].shape[1]

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """The larger lattice."""
        return lattice_bytes(bottoms[0].shape[2:]) + 8 * tops[0].bytes

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Image by image, in f32; a filter's sums in f64."""
        unary, start, images = bottoms
        return (np.stack([self._inferred(*each, weights) for each in zip(unary, start, images, strict=True)]),)

    def _inferred(self, unary: Array, start: Array, image: Array, weights: Weights) -> Array:
        """Return (C, H, W) of one image."""
        classes, h, w = unary.shape
        near = smoother(points_of((h, w), self.theta_gamma))
        alike = smoother(points_of((h, w), self.theta_alpha, image, self.theta_beta))
        scores, found = unary.reshape(classes, -1), start.reshape(classes, -1)
        for _ in range(self.num_iterations):
            (likely,) = Softmax(axis=0).reference([found], {}, 1)
            passed = weights["spatial"] @ near(likely) + weights["bilateral"] @ alike(likely)
            found = scores - weights["compatibility"] @ passed
        return found.reshape(unary.shape).astype(np.float32)
