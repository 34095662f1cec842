"""Hostile input for every reader: seeds, mutations, a runner with limits, and an entry for Atheris."""
