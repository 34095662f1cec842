"""Kernel families, one a file, and the table that selects a kernel."""
