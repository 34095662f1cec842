"""How each layer type is computed in PyTorch; one file a family of layer types."""
