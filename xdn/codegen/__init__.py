"""A typed vector-IR builder over llvmlite, the instruction sets, kernel names."""
