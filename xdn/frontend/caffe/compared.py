"""Which blobs a training net compares with labels as scores of classes."""

from pathlib import Path

from xdn.frontend.caffe.dialects.upgrade import upgrade
from xdn.frontend.caffe.text import prototxt

#: Measures and losses whose first bottom has a score for each class, whatever the phase.
_OVER_CLASSES = ("Accuracy", "SoftmaxWithLoss", "MultinomialLogisticLoss", "InfogainLoss", "HingeLoss")


def compared_with_labels(path: Path) -> tuple[str, ...]:
    """Return the blobs that the file `path` gives to Accuracy or to a loss over classes, in order, each once."""
    layers = upgrade(prototxt.read(path)).layer
    return tuple(dict.fromkeys(layer.bottom[0] for layer in layers if layer.type in _OVER_CLASSES and layer.bottom))
