"""Pruning: units of channels, criteria, schedules, and what takes filters out."""
