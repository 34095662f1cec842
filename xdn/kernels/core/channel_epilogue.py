"""What kernels of the channel schedule do to a tile before they store it: residual sum, activation."""

from collections.abc import Sequence

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.kernels.core.epilogue import SUM, activation_of


def store_channels(
    b: VectorBuilder,
    tile: Sequence[Sequence[ir.Value]],
    places: Sequence[ir.Value],
    parts: tuple[str, ...],
    residual: ir.Value,
    y: ir.Value,
    at: ir.Value,
) -> None:
    """Emit the epilogue and the only store of a tile: positions of vectors of channels.

    Parameters
    ----------
    b : VectorBuilder
    tile : positions of vectors
    places : i64 values
        Where each position lies behind `residual` and `y`, in f32.
    parts : tuple of str
        As `epilogue_parts` gives them.
    residual, y : pointer to f32
    at : pointer to f32
        The coefficient of the tile's first channel; one for each channel follows.
    """
    activation = activation_of(parts)
    if SUM in parts:
        # All residuals before the first store, which may go to their place: a position may stand in a tile twice.
        tile = [
            [b.add(value, b.load(b.offset(residual, place), v)) for v, value in enumerate(row)]
            for place, row in zip(places, tile, strict=True)
        ]
    shared = b.broadcast(b.scalar(at))
    for place, row in zip(places, tile, strict=True):
        for v, value in enumerate(row):
            if activation:
                coefficient = b.load(at, v) if activation.per_channel else shared
                value = activation.emit(b, value, coefficient)
            b.store(value, b.offset(y, place), v)
