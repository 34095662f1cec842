"""Nets as drawings: boxes for layers, lines for blobs."""
