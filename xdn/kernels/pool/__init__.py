"""Windows and whole images folded to one value: pooling, unpooling, reduction."""
