"""What detectors compute on whole arrays, one file a kind of work."""
