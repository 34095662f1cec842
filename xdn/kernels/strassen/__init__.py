"""Pointwise convolution by Strassen's algorithm in Winograd's form, one level of it, in both schedules."""
