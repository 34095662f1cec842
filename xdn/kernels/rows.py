"""Rows: the values that one channel of one position has in a block of images, B f32, as one value of the builder."""

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.isa import Isa


def row_builder(irbuilder: ir.IRBuilder, isa: Isa) -> VectorBuilder:
    """Return a builder whose values are rows."""
    return VectorBuilder(irbuilder, isa, registers=isa.block_images // isa.lanes)


def row_at(b: VectorBuilder, pointer: ir.Value, channel: ir.Value) -> ir.Value:
    """Return `pointer`, which is at a position's first row, moved to the row of `channel`."""
    return b.offset(pointer, b.ir.mul(channel, b.const(b.isa.block_images)))
