"""ONNX -> `Net`: the model, its constants, and one file a group of operators."""
