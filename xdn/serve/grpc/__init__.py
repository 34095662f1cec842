"""The Open Inference Protocol over gRPC: its messages, made of the published text, and the server of its calls."""
