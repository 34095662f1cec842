"""What kernels of integers and bf16 do to sums before they store them, in both schedules; `form.py` says what."""

from collections.abc import Sequence
from dataclasses import replace

from llvmlite import ir

from xdn.codegen.words import WordBuilder
from xdn.element import REAL
from xdn.kernels.contract.words.form import Ends, Form, emit_activation, has_own_coefficients


def scaled_images(b: WordBuilder, acc: Sequence[ir.Value], at: ir.Value) -> list[ir.Value]:
    """Return sums of a tile of the batch schedule, filter by filter, times the filters' multipliers."""
    vectors = b.target.tile()[1]
    factors = [b.broadcast(b.scalar(at, r)) for r in range(len(acc) // vectors) for _ in range(vectors)]
    return [b.mul(b.rounded(each), factor) for each, factor in zip(acc, factors, strict=True)]


def store_images(
    b: WordBuilder, found: Sequence[Sequence[ir.Value]], ends: Ends, form: Form, last: ir.Value | None = None
) -> None:
    """Emit the end and the only store of a tile of the batch schedule: filters of vectors of a block's images.

    Parameters
    ----------
    b : WordBuilder
    found : sequences of vectors
        Of each source what `scaled_images` gives; of bf16 the sums themselves, one sequence.
    ends : Ends
        From the tile's first filter on.
    form : Form
    last : i64, optional
        Number of the last filter that is there; of f32 no other is read or stored. All are there where it is not given.
    """
    vectors, values = b.target.tile()[1], list(found[0])
    for others in found[1:]:
        values = [*map(b.add, values, others)]
    tile = [values[first : first + vectors] for first in range(0, len(values), vectors)]
    images, own = b.target.block_images, has_own_coefficients(form)
    shared = b.broadcast(b.scalar(ends.coefficients))
    ends = replace(ends, residual_scale=b.broadcast(ends.residual_scale), inverse=b.broadcast(ends.inverse))
    together = form.x.interleave
    for first in range(0, len(tile), together):
        rows = range(first, min(first + together, len(tile)))
        coefficients = [b.broadcast(b.scalar(ends.coefficients, r)) if own else shared for r in rows]
        for v in range(vectors):
            values = _with_residuals(b, [tile[r][v] for r in rows], (first, v), ends, form, last)
            pairs = zip(values, coefficients, strict=True)
            values = [emit_activation(b, form, value, coefficient) for value, coefficient in pairs]
            if form.top == REAL:
                _store_rows(b, values, (first, v), ends.y, last)
            else:
                b.store_words(b.joined(values, form.top, ends.inverse), b.offset(ends.y, first * images), v)


def _with_residuals(
    b: WordBuilder, values: list[ir.Value], place: tuple[int, int], ends: Ends, form: Form, last: ir.Value | None
) -> list[ir.Value]:
    """Return filters of a vector of images, a word at most, with the residual; `place`: the first one, the vector."""
    (first, v), images = place, b.target.block_images
    if form.residual is None:
        return values
    if form.residual == REAL:
        numbers = [first + i for i in range(len(values))]
        offsets = [r * images if last is None else b.ir.mul(_least(b, r, last), b.const(images)) for r in numbers]
        added = [b.load(b.offset(ends.residual, each), v) for each in offsets]
    else:
        words = b.load_words(b.offset(ends.residual, first * images), v)
        added = b.parts(words, form.residual, ends.residual_scale)[: len(values)]
    return [b.add(value, each) for value, each in zip(values, added, strict=True)]


def _least(b: WordBuilder, number: int, last: ir.Value) -> ir.Value:
    return b.ir.select(b.ir.icmp_signed("<", b.const(number), last), b.const(number), last)


def _store_rows(
    b: WordBuilder, values: Sequence[ir.Value], place: tuple[int, int], y: ir.Value, last: ir.Value | None
) -> None:
    """Store filters of a vector of images in f32."""
    first, v = place
    for r, value in enumerate(values, start=first):
        at = b.offset(y, r * b.target.block_images)
        if last is None or r == 0:
            b.store(value, at, v)
        else:
            with b.ir.if_then(b.ir.icmp_signed("<=", b.const(r), last)):
                b.store(value, at, v)


def scaled_channels(b: WordBuilder, acc: Sequence[Sequence[ir.Value]], at: ir.Value) -> list[list[ir.Value]]:
    """Return sums of a tile of the channel schedule, positions of vectors, times the filters' multipliers."""
    factors = [b.load(at, v) for v in range(len(acc[0]))]
    return [[b.mul(b.rounded(each), factor) for each, factor in zip(row, factors, strict=True)] for row in acc]


def added_channels(b: WordBuilder, found: Sequence[list[list[ir.Value]]]) -> list[list[ir.Value]]:
    """Return the sums of what `scaled_channels` gives of each source."""
    values = found[0]
    for others in found[1:]:
        values = [[*map(b.add, *pair)] for pair in zip(values, others, strict=True)]
    return values


def store_channels(
    b: WordBuilder,
    values: list[list[ir.Value]],
    places: Sequence[ir.Value],
    residuals: Sequence[ir.Value],
    ends: Ends,
    form: Form,
) -> None:
    """Emit the end and the only store of a tile of the channel schedule: positions of vectors of filters.

    Parameters
    ----------
    b : WordBuilder
    values : positions of vectors
        The sums of what `scaled_channels` gives of each source; of bf16 sums as they are.
    places, residuals : i64 values
        Where each position lies after `ends.y` and `ends.residual`, in elements; there may be no residuals.
    ends : Ends
        From the tile's first filter on.
    form : Form
    """
    # All residuals before the first store, which may go to their place: a position may stand in a tile twice.
    if form.residual is not None:
        pairs = zip(values, residuals, strict=True)
        values = [_with_residual(b, row, b.offset(ends.residual, at), ends, form) for row, at in pairs]
    for row, place in zip(values, places, strict=True):
        _store_position(b, row, b.offset(ends.y, place), ends, form)


def _with_residual(b: WordBuilder, row: list[ir.Value], residual: ir.Value, ends: Ends, form: Form) -> list[ir.Value]:
    """Return a position's vectors with the residual added."""
    assert form.residual is not None
    if form.residual == REAL:
        return [b.add(value, b.load(residual, v)) for v, value in enumerate(row)]
    scale = b.broadcast(ends.residual_scale)
    added = [b.load_values(residual, v, form.residual, scale) for v in range(len(row))]
    return [*map(b.add, row, added)]


def _store_position(b: WordBuilder, row: list[ir.Value], y: ir.Value, ends: Ends, form: Form) -> None:
    """Emit the activation and the only store of a position's vectors."""
    own = has_own_coefficients(form)
    shared, inverse = b.broadcast(b.scalar(ends.coefficients)), b.broadcast(ends.inverse)
    for v, value in enumerate(row):
        coefficient = b.load(ends.coefficients, v) if own else shared
        value = emit_activation(b, form, value, coefficient)
        b.store_values(value, y, v, form.top, inverse)
