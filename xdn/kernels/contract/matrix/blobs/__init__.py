"""Contractions by a processor's tile unit of what blobs hold themselves: 8-bit integers, or bf16."""
