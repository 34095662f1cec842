"""Probes of the processor: what its arithmetic, its caches, its memory and its barriers give; its clock."""
