"""The IR: `Net`, `Layer`, `Blob`; verification, shape inference, cost."""

from xdn.graph.blob import Blob
from xdn.graph.layer import ChannelRule, Epilogue, Layer, LayerParams, ParamSpec
from xdn.graph.net import Net
from xdn.graph.transform import Transform

__all__ = ["Blob", "ChannelRule", "Epilogue", "Layer", "LayerParams", "Net", "ParamSpec", "Transform"]
