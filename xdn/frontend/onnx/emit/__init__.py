"""How each layer type is written in ONNX; one file a family of layer types."""
