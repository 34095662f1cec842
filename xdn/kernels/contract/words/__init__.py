"""Convolution and InnerProduct of 8-bit integers or bf16: products of words of channels, in both schedules."""
