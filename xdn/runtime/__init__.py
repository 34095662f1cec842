"""Plan, executor, threads, `Session`."""
