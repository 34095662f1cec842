"""Convolution and InnerProduct of 8-bit integers: sums of products in s32, in both schedules."""
