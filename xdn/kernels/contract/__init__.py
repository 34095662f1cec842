"""Convolution and InnerProduct as contractions, in both schedules."""
