"""A service of nets: the Open Inference Protocol over HTTP and gRPC, in front of sessions that share the threads.

A request passes `http/` or `grpc/`, which make `InferRequest`s of bytes, an `Engine` (`engine.py`), which joins
requests in batches and lets a `Session` run them, and returns as an `InferResponse`.
"""
