"""Yolov3DetectionOutput: YOLOv3's predictions as a list of boxes."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blobs
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.yolo import BEFORE_CLASSES, YoloOutput, sigmoid


@layer_type("Yolov3DetectionOutput")
class Yolov3DetectionOutput(YoloOutput):
    """Yolov3DetectionOutput: decode YOLOv3's boxes, suppress those that overlap better ones.

    A box counts once for each class whose probability times its objectness is above `confidence_threshold`. Of each
    bottom's boxes `mask` tells which two of `biases` are width and height, in pixels of an image `anchors_scale` times
    as large as the map. The source is yolov3_detection_output_layer.cpp of MobileNet-YOLO's Caffe.
    """

    message = Message("Yolov3DetectionOutputParameter", "yolov3_detection_output_param", 602)

    num_classes: int = proto(1, "uint32", default=20)
    num_box: int = proto(2, "uint32", default=3)
    confidence_threshold: float = proto(3, "float", default=0.01)
    nms_threshold: float = proto(4, "float", default=0.45)
    biases: tuple[float, ...] = proto(5, "float", default=(), repeated=True)
    anchors_scale: tuple[int, ...] = proto(6, "uint32", default=(), repeated=True)
    mask_group_num: int = proto(7, "uint32", default=2)
    mask: tuple[int, ...] = proto(8, "uint32", default=(), repeated=True)

    @property
    def per_box(self) -> int:
        """One a class."""
        return self.num_classes

    def check(self, bottoms: Blobs) -> None:
        """A scale and a group of the mask for each bottom, and biases for what the mask names."""
        count = len(bottoms)
        if self.mask_group_num != count or len(self.anchors_scale) < count or min(self.anchors_scale) < 1:
            what = f"mask_group_num {self.mask_group_num} and {len(self.anchors_scale)} anchors_scale"
            raise ShapeError(f"{what} for {count} bottoms; there is one of each, and no scale is 0")
        if len(self.mask) != count * self.num_box or len(self.biases) < 2 * (1 + max(self.mask)) or min(self.mask) < 0:
            what = f"{len(self.mask)} mask and {len(self.biases)} biases"
            raise ShapeError(f"{what} for {count} bottoms of {self.num_box} boxes; the mask names two biases a box")

    def candidates(self, maps: Arrays) -> tuple[Array, Array, Array, Array]:
        """Map by map, cell by cell, box by box, class by class."""
        biases = np.array(self.biases[: len(self.biases) // 2 * 2], np.float32).reshape(-1, 2)
        scores, boxes = [], []
        for number, (each, scale) in enumerate(zip(maps, self.anchors_scale, strict=False)):
            h, w = each.shape[2:]
            mask = list(self.mask[number * self.num_box : (number + 1) * self.num_box])
            anchors = biases[mask] / np.array([w * scale, h * scale], np.float32)
            corners = self.corners(sigmoid(each[:, 0]), sigmoid(each[:, 1]), (each[:, 2], each[:, 3]), anchors)
            likely = sigmoid(each[:, BEFORE_CLASSES:]) * sigmoid(each[:, 4:BEFORE_CLASSES])
            scores.append(likely.transpose(2, 3, 0, 1).reshape(-1, self.num_classes))
            boxes.append(corners.transpose(1, 2, 0, 3).reshape(-1, 4))
        score, corner = np.concatenate(scores), np.concatenate(boxes)
        labels = np.tile(np.arange(self.num_classes), len(score))
        chosen = score.ravel() > np.float32(self.confidence_threshold)
        return score.ravel(), labels, np.repeat(corner, self.num_classes, axis=0), chosen
