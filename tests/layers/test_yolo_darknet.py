"""YOLO's outputs against OpenCV's reader of Darknet's own files: the same net, the same boxes."""

import numpy as np
import pytest

from tests.layers.darknet import IMAGES, STRIDES, detector, listed
from xdn.session import Session

BOXES, THRESHOLD = 2, 0.3
#: What OpenCV takes for Darknet's region, whatever its section says.
REGION_OVERLAP = 0.4
ANCHORS = [10, 13, 16, 30, 33, 23, 30, 17]


def region(classes, threshold, anchors):
    """Return Darknet's section of version 2."""
    return f"[region]\nanchors={anchors}\nclasses={classes}\ncoords=4\nnum={BOXES}\nsoftmax=1\nthresh={threshold}\n"


def check(net, images, expected):
    """Compare all rows, best first."""
    (own,) = Session(net, threads=1).run(None, {"data": images})
    assert own.shape == (1, 1, *expected.shape)
    np.testing.assert_allclose(own[0, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("classes", "anchors"),
    [(1, "1.2,2.5,3.1,1.7"), (3, "0.05,0.5,0.5,0.05")],
    ids=["one class", "boxes too thin to overlap"],
)
def test_version_2(tmp_path, classes, anchors):
    """OpenCV suppresses in this section, class by class, where the layer does so whatever the class."""
    output = f"""layer {{ name: "found" type: "YoloDetectionOutput" bottom: "m0" top: "found"
      yolo_detection_output_param {{ num_classes: {classes} num_box: {BOXES} confidence_threshold: {THRESHOLD}
        nms_threshold: {REGION_OVERLAP} biases: [{anchors}] }} }}"""
    net, images, found = detector(tmp_path, output, [region(classes, THRESHOLD, anchors)], BOXES * (5 + classes))
    expected = np.concatenate([listed(found[i], i, REGION_OVERLAP, likeliest=True) for i in range(IMAGES)])
    likely = sum(np.count_nonzero(each[:, 4] > THRESHOLD) for each in found)
    assert 20 < len(expected) < likely
    check(net, images, expected)


def test_version_3(tmp_path):
    output = f"""layer {{ name: "found" type: "Yolov3DetectionOutput" bottom: "m0" bottom: "m1" top: "found"
      yolov3_detection_output_param {{ num_classes: 3 num_box: {BOXES} confidence_threshold: {THRESHOLD}
        nms_threshold: 0.45 biases: {ANCHORS} mask: [2, 0, 1, 3] mask_group_num: 2
        anchors_scale: {list(STRIDES)} }} }}"""
    anchors = ",".join(map(str, ANCHORS))
    sections = [
        f"[yolo]\nmask={mask}\nanchors={anchors}\nclasses=3\nnum=4\nthresh={THRESHOLD}\nnms_threshold=0\n"
        for mask in ("2,0", "1,3")
    ]
    net, images, found = detector(tmp_path, output, sections, 8 * BOXES)
    expected = np.concatenate([listed(found[i], i, 0.45) for i in range(IMAGES)])
    assert 20 < len(expected) < sum(np.count_nonzero(each[:, 5:]) for each in found)
    check(net, images, expected)


def test_region(tmp_path):
    """Thin boxes are not suppressed; OpenCV multiplies the classes with the objectness."""
    output = f"""layer {{ name: "found" type: "Region" bottom: "m0" top: "found"
      region_param {{ classes: 3 coords: 4 num: {BOXES} }} }}"""
    anchors = [0.05, 0.5, 0.5, 0.05]
    section = region(3, 0, ",".join(map(str, anchors)))
    net, images, found = detector(tmp_path, output, [section], 8 * BOXES)
    own = net.forward({"data": images})["found"]
    h, w = own.shape[2:]
    own = own.reshape(IMAGES, BOXES, 8, h, w).transpose(0, 3, 4, 1, 2)
    own[..., 0] = (own[..., 0] + np.arange(w)[:, None]) / w
    own[..., 1] = (own[..., 1] + np.arange(h)[:, None, None]) / h
    own[..., 2:4] = np.exp(own[..., 2:4]) * np.reshape(anchors, (BOXES, 2)) / (w, h)
    own[..., 5:] *= own[..., 4:5]
    np.testing.assert_allclose(own.reshape(IMAGES, -1, 8), found, rtol=1e-4)
