"""Stages that fuse layers into the layer before them."""
