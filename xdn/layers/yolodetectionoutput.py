"""YoloDetectionOutput: YOLOv2's predictions as a list of boxes."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blobs
from xdn.layers.base import Field, Message, layer_type, proto
from xdn.layers.yolo import BEFORE_CLASSES, YoloOutput, sigmoid


@layer_type("YoloDetectionOutput")
class YoloDetectionOutput(YoloOutput):
    """YoloDetectionOutput: decode YOLOv2's boxes, suppress those that overlap better ones.

    A box counts with its likeliest class, by a softmax, where that times its objectness is `confidence_threshold` or
    more. `biases` are widths and heights of the boxes in cells, the same for all bottoms. The source is
    yolo_detection_output_layer.cpp of MobileNet-YOLO's Caffe.
    """

    message = Message("YoloDetectionOutputParameter", "yolo_detection_output_param", 601)
    unused = {"side": Field(1, "uint32"), "label_map_file": Field(8, "string")}

    num_classes: int = proto(2, "uint32", default=20)
    num_box: int = proto(3, "uint32", default=5)
    coords: int = proto(4, "uint32", default=4)
    confidence_threshold: float = proto(5, "float", default=0.01)
    nms_threshold: float = proto(6, "float", default=0.45)
    biases: tuple[float, ...] = proto(7, "float", default=(), repeated=True)

    def check(self, bottoms: Blobs) -> None:
        """Two biases a box, and four coordinates."""
        if self.coords != 4 or len(self.biases) < 2 * self.num_box:
            what = f"{len(self.biases)} biases for {self.num_box} boxes, coords {self.coords}"
            raise ShapeError(f"{what}; a box has a width and a height, and four coordinates")

    def candidates(self, maps: Arrays) -> tuple[Array, Array, Array, Array]:
        """Cell by cell, a box with its best class."""
        scores, labels, boxes = [], [], []
        for each in maps:
            h, w = each.shape[2:]
            anchors = np.array(self.biases[: 2 * self.num_box], np.float32).reshape(-1, 2) / np.array(
                [w, h], np.float32
            )
            powers = np.exp(each[:, BEFORE_CLASSES:] - each[:, BEFORE_CLASSES:].max(axis=1, keepdims=True))
            classes = powers / powers.sum(axis=1, keepdims=True)
            corners = self.corners(sigmoid(each[:, 0]), sigmoid(each[:, 1]), (each[:, 2], each[:, 3]), anchors)
            # From boxes, then cells, to cells, then boxes.
            scores.append((sigmoid(each[:, 4]) * classes.max(axis=1)).transpose(1, 2, 0).ravel())
            labels.append(classes.argmax(axis=1).transpose(1, 2, 0).ravel())
            boxes.append(corners.transpose(1, 2, 0, 3).reshape(-1, 4))
        score = np.concatenate(scores)
        return score, np.concatenate(labels), np.concatenate(boxes), score >= np.float32(self.confidence_threshold)
