"""Which blobs a file compares with labels."""

import pytest

from xdn.frontend.caffe.compared import compared_with_labels


@pytest.mark.parametrize(
    ("layers", "blobs"),
    [
        ('layer { name: "a" type: "Accuracy" bottom: "fc" bottom: "label" top: "a" include { phase: TEST } }', ("fc",)),
        ('layer { name: "l" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" include { phase: TRAIN } }', ("ip",)),
        ('layers { name: "l" type: SOFTMAX_LOSS bottom: "ip" bottom: "label" }', ("ip",)),
        ('layer { name: "e" type: "EuclideanLoss" bottom: "box" bottom: "label" }', ()),
        ('layer { name: "p" type: "Softmax" bottom: "fc" top: "p" }', ()),
        ('layer { name: "a" type: "Accuracy" }', ()),
    ],
)
def test_what_accuracy_and_losses_over_classes_read(tmp_path, layers, blobs):
    (tmp_path / "net.prototxt").write_text(layers)
    assert compared_with_labels(tmp_path / "net.prototxt") == blobs


def test_each_once_in_order(tmp_path):
    loss = 'layer {{ name: "{0}" type: "SoftmaxWithLoss" bottom: "{1}" bottom: "label" }}'
    text = "".join(loss.format(name, blob) for name, blob in (("a", "one"), ("b", "two"), ("c", "one")))
    (tmp_path / "net.prototxt").write_text(text)
    assert compared_with_labels(tmp_path / "net.prototxt") == ("one", "two")
