"""Quantization: what ranges of values blobs have, and which integers of 8 bits stand for them."""
