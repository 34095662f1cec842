"""Stages that remove layers that inference does not need."""
