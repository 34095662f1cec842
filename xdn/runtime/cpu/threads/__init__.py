"""Threads: how many there are, the helpers that wait for short runs, and what these need."""
