"""Weights: caffemodel files and those in HDF5, and how layers get theirs."""
