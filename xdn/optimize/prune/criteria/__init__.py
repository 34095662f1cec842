"""Criteria: how much a filter matters, one file each."""
