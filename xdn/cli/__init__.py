"""One file a command: parse arguments, call the library, print."""
