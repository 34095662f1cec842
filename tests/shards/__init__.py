"""Runs in parts."""
