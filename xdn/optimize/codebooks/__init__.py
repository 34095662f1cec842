"""Weights as codebooks of blocks: permuted channels, annealed k-means (`xdn.optimize.codebooks.coding`)."""
