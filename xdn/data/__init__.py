"""Data sets, offline preprocessing into memory-mapped files, readers."""
