"""`Net` -> ONNX; the package `onnx` is imported only with the modules in here, where a model is written."""
