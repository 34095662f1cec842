"""Stages that remove layers and positions that inference does not need."""
