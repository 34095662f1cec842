"""Layers that look at whole batches: what detectors compute."""
