"""Runs by Ray."""
