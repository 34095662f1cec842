"""Readers and writers: prototxt, caffemodel, binaryproto, ONNX <-> `Net`."""

from xdn.frontend.binaryproto import read_binaryproto, write_binaryproto
from xdn.frontend.compared import compared_with_labels
from xdn.frontend.load import find_weights, load, summary
from xdn.frontend.mean_file import read_mean, write_mean
from xdn.frontend.prune_file import prune_text, read_prune_file
from xdn.frontend.suggest import suggested_transform
from xdn.frontend.writer import save, to_prototxt

__all__ = [
    "compared_with_labels",
    "find_weights",
    "load",
    "prune_text",
    "read_binaryproto",
    "read_mean",
    "read_prune_file",
    "save",
    "suggested_transform",
    "summary",
    "to_prototxt",
    "write_binaryproto",
    "write_mean",
]
