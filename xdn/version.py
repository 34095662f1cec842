"""The version, apart from the package: what the package gives may name it."""

VERSION = "0.1.0"
