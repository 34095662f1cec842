"""Caffe's files: prototxt, caffemodel, mean images <-> `Net`; `load.py` is where reading begins, `writer.py` writes."""

from xdn.frontend.caffe.load import Caffe

__all__ = ["Caffe"]
