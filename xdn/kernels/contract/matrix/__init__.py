"""Contractions by a processor's tile unit: f32 from products of bf16 parts, and what blobs hold themselves."""
