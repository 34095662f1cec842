"""Probes of the processor: its peak, its bandwidth, its clock."""
