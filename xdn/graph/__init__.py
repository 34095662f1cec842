"""The IR: `Net`, `Layer`, `Blob`; verification, shape inference, cost."""

from xdn.graph.blob import Array, Blob, Feed, Shape
from xdn.graph.channels import ChannelAxis, ChannelRule, Move, Side, WeightAxes
from xdn.graph.epilogue import Epilogue
from xdn.graph.layer import Layer, ParamSpec
from xdn.graph.net import Net
from xdn.graph.params import Arrays, Blobs, LayerParams, Weights
from xdn.graph.quantized import Bf16, Quantized, Reading, WeightsOnly, reading_of
from xdn.graph.transform import Transform

__all__ = [
    "Array",
    "Arrays",
    "Bf16",
    "Blob",
    "Blobs",
    "ChannelAxis",
    "ChannelRule",
    "Epilogue",
    "Feed",
    "Layer",
    "LayerParams",
    "Move",
    "Net",
    "ParamSpec",
    "Quantized",
    "Reading",
    "Shape",
    "Side",
    "Transform",
    "WeightAxes",
    "Weights",
    "WeightsOnly",
    "reading_of",
]
