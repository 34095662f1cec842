"""Operators of detectors, whose tops have as many rows as boxes are found."""

import numpy as np

from xdn.errors import ShapeError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.layers.nonmaxsuppression import NonMaxSuppression

#: More boxes than any net has.
_MOST_BOXES = 1 << 30


@READERS.register("NonMaxSuppression")
def non_max_suppression(node: Node) -> None:
    """The layer of that name, which gives a row of -1 where ONNX gives no row.

    Refused: a number of boxes or thresholds that are no constants.
    """
    count = node.whole_scalar(2, "number of boxes") if node.has(2) else 0
    overlap = node.scalar(3, "threshold of overlaps") if node.has(3) else 0.0
    score = {"score_threshold": float(node.scalar(4, "threshold of scores"))} if node.has(4) else {}
    if count < 0 or not 0 <= overlap <= 1 or not np.isfinite(list(score.values())).all():
        raise ShapeError(f"{count} boxes of a class, whose overlaps are at most {overlap}, and scores {score}")
    params = NonMaxSuppression(
        max_output_boxes_per_class=min(count, _MOST_BOXES),
        iou_threshold=float(overlap),
        center_point_box=bool(node.attribute("center_point_box", 0)),
        **score,
    )
    node.top(params, [node.blob(0), node.blob(1)])
