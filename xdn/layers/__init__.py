"""One file a Caffe layer type: parameters, shape rule, cost, NumPy reference, channel rule."""

from xdn.layers.base import LAYERS, CaffeLayer, Message, layer_type, proto

__all__ = ["LAYERS", "CaffeLayer", "Message", "layer_type", "proto"]
