"""Depthwise convolution, in both schedules."""
