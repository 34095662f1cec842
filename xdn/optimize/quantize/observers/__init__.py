"""Observers: which range of a blob's values its integers cover, one file each."""
