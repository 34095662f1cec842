"""Kernel families in a room for each kind of operation; `core/` has what they stand on, and selects one."""
