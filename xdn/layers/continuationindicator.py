"""ContinuationIndicator: says of each step whether it continues a sequence."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto


@layer_type("ContinuationIndicator")
class ContinuationIndicator(CaffeLayer):
    """ContinuationIndicator: (T, N), 0 at the first of `time_step` steps and 1 at the others.

    N is `batch_size`, or the extent of a bottom along `axis`. The sources are continuation_indicator_layer.cpp of
    Intel's Caffe, CC4.0's and DeepDetect's.
    """

    message = Message("ContinuationIndicatorParameter", "continuation_indicator_param", 2062)
    reads_shapes_only = True

    time_step: int = proto(1, "uint32", default=0)
    batch_size: int = proto(2, "uint32", default=0)
    axis: int = proto(3, "int32", default=0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(T, N)."""
        if len(bottoms) > 1:
            raise misfit(bottoms, "none, or one whose extent is the number of streams")
        streams = bottoms[0].shape[bottoms[0].axis(self.axis)] if bottoms else self.batch_size
        if self.time_step < 1 or streams < 1:
            raise ShapeError(f"time_step {self.time_step} and {streams} streams; both must be positive")
        return (Blob((self.time_step, streams)),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Zeros, then ones."""
        (top,) = self.infer([Blob(bottom.shape) for bottom in bottoms], n_tops)
        kept = np.ones(top.shape, np.float32)
        kept[0] = 0
        return (kept,)
