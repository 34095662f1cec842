"""Readers and writers of nets: one folder a format; `formats.py` finds the one that reads a file."""

from xdn.frontend.caffe.images.mean_file import read_binaryproto, read_mean, write_binaryproto, write_mean
from xdn.frontend.caffe.images.suggest import suggested_transform
from xdn.frontend.caffe.writer import save, to_prototxt
from xdn.frontend.formats import (
    FRONTENDS,
    Frontend,
    Reading,
    find_weights,
    frontend_of,
    load,
    summary,
    writer_of,
    writers,
)
from xdn.frontend.solver import prune_text, read_prune_file

__all__ = [
    "FRONTENDS",
    "Frontend",
    "Reading",
    "find_weights",
    "frontend_of",
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
    "writer_of",
    "writers",
]
