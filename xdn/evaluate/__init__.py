"""Accuracy and timing statistics."""
