"""Schedules: how pruning is spread over the groups, one file each."""
