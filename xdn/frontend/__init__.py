"""Readers and writers: prototxt, caffemodel, binaryproto, ONNX <-> `Net`."""
