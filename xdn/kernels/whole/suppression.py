"""Non-maximum suppression in machine code, and the layers that need it.

::

    for box in boxes, best first:
        keep it unless its overlap with a kept one is above the threshold
"""

from collections.abc import Sequence

import numpy as np

from xdn.codegen.source import KernelBody
from xdn.element import S64, real
from xdn.graph import Array, Layer
from xdn.kernels.core.descriptor import Descriptor, Number, Pointer, Size
from xdn.kernels.whole.layers import WHOLE_LAYERS, call


class Suppress(Descriptor):
    """Boxes (N, 4), best first; when two overlap, and how: see `xdn.layers.boxes`.

    kept
        Room for as many indices as there are boxes; the kernel writes how many it has kept into `kept_count`.
    """

    boxes, kept = Pointer(), Pointer(S64)
    count, kept_count = Size(), Size()
    threshold, unit, eta = Number(), Number(), Number()


def _suppress() -> KernelBody:
    def suppress(d, frame):
        boxes, kept, threshold, unit, eta = d.boxes, d.kept, d.threshold, d.unit, d.eta
        zero, half, one = real(0), real(0.5), real(1)
        count = 0
        for index in range(d.count):
            x0, y0, x1, y1 = boxes[4 * index], boxes[4 * index + 1], boxes[4 * index + 2], boxes[4 * index + 3]
            w, h = x1 - x0 + unit, y1 - y0 + unit
            numbers = x0 == x0 and y0 == y0 and x1 == x1 and y1 == y1
            area = zero if w < zero or h < zero else w * h
            keep = True
            for k in range(count):
                other = 4 * kept[k]
                a0, b0, a1, b1 = boxes[other], boxes[other + 1], boxes[other + 2], boxes[other + 3]
                shared_w = (x1 if x1 < a1 else a1) - (x0 if x0 > a0 else a0) + unit
                shared_h = (y1 if y1 < b1 else b1) - (y0 if y0 > b0 else b0) + unit
                # Of what is not a number nothing is shared; comparisons that pick the other side would hide it.
                known = a0 == a0 and b0 == b0 and a1 == a1 and b1 == b1
                if known and numbers and shared_w > zero and shared_h > zero:
                    shared = shared_w * shared_h
                    other_w, other_h = a1 - a0 + unit, b1 - b0 + unit
                    other_area = zero if other_w < zero or other_h < zero else other_w * other_h
                    if shared > zero and not shared / (area + other_area - shared) <= threshold:
                        keep = False
                        break
            if keep:
                kept[count] = index
                count += 1
                if eta < one and threshold > half:
                    threshold *= eta
        d.kept_count = count

    return suppress


def suppress(boxes: Array, threshold: float, *, unit: float = 0.0, eta: float = 1.0) -> Array:
    """Return the indices of the boxes that are kept, as `xdn.layers.boxes.suppress` does."""
    given, kept = np.ascontiguousarray(boxes, real), np.empty(max(1, len(boxes)), np.int64)
    words = Suppress(boxes=given, kept=kept, count=len(boxes), threshold=threshold, unit=unit, eta=eta)
    call("suppress", _suppress, words)
    return kept[: words.kept_count]


@WHOLE_LAYERS.register("DetectionOutput", "NonMaxSuppression", "YoloDetectionOutput", "Yolov3DetectionOutput")
def detection_output(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Decode boxes, and suppress those that overlap better ones."""
    return layer.params.detected(bottoms, suppress)  # type: ignore[attr-defined, no-any-return]


@WHOLE_LAYERS.register("Proposal")
def proposal(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Decode regions, and suppress those that overlap better ones."""
    return layer.params.proposed(bottoms, len(layer.tops), suppress)  # type: ignore[attr-defined, no-any-return]
