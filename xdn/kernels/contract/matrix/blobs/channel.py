"""Contractions of integers and bf16 of one image by the tile unit: tables of positions, panels of filters, steps.

A blob is read as it lies where no window reaches beyond the map, and the map fills tiles; else a copy of it is, with
zeros around the map, and room after it (`xdn/kernels/core/parts.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xdn.codegen.tiles import ROW_BYTES, ROWS, WORDS
from xdn.graph import Array
from xdn.kernels.contract.matrix.blobs.channel_kernel import BlobChannel, contraction
from xdn.kernels.contract.matrix.blobs.family import blob_families
from xdn.kernels.contract.matrix.blobs.pack import Filters, pack, steps_of_lines
from xdn.kernels.contract.matrix.blobs.rule import phase_of
from xdn.kernels.contract.matrix.rule import places_of, readings
from xdn.kernels.contract.matrix.walk import (
    Slide,
    border,
    most_registers,
    room,
    tiles_of_walk,
    walk_over,
    within_maps,
)
from xdn.kernels.contract.words.form import Form
from xdn.kernels.contract.words.lower import integer_words, residual_layout
from xdn.kernels.contract.words.task import WordTask
from xdn.kernels.core.family import Lowering, Step
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.parts import PartsLayout, joined_layouts, parts_of_blob
from xdn.kernels.core.work import Phase


@dataclass(frozen=True)
class _Walked:
    """How tiles walk over what a layer reads.

    Parameters
    ----------
    slides : sequence of Slide
        Of each source.
    registers : int
        Of a tile's positions.
    tiles, spans : arrays
        As `tiles_of_walk` gives them.
    """

    slides: Sequence[Slide]
    registers: int
    tiles: Array
    spans: Array


def _walked(lowering: Lowering) -> _Walked:
    """Return the walk over the blobs themselves where that is possible, else over copies."""
    places, read = places_of(lowering), readings(lowering)
    slides = [Slide(each.window, PartsLayout.beside(each.layout, 1, itself=True), places) for each in read]
    if most := most_registers(slides):
        found = _walk(slides, most)
        if within_maps(found.tiles, found.spans, found.registers, slides):
            return found
    known = {**_copies([(each.blob, slide) for each, slide in zip(read, slides, strict=True)]), **lowering.parts}
    return _walk([Slide(each.window, known[each.blob], places) for each in read], 2)


def _walk(slides: Sequence[Slide], most: int) -> _Walked:
    walk = walk_over(slides, most)
    return _Walked(slides, walk.registers, *tiles_of_walk(walk, [slide.row_positions for slide in slides]))


def _copies(slides: Sequence[tuple[str, Slide]]) -> dict[str, PartsLayout]:
    """Return blob -> the layout of its copy, with what windows and tiles reach beyond the map."""
    found = []
    for blob, slide in slides:
        plain = replace(slide.layout, itself=False)
        own = replace(slide, layout=plain)
        found.append({blob: replace(plain, border=border(own), room=room(own))})
    return joined_layouts(found)


def _parts(lowering: Lowering) -> dict[str, PartsLayout]:
    """Return what the layer reads that is not a blob itself."""
    walked = _walked(replace(lowering, parts={}))
    pairs = zip(readings(lowering), walked.slides, strict=True)
    return {each.blob: slide.layout for each, slide in pairs if not slide.layout.itself}


def _phase(lowering: Lowering) -> Phase:
    """Return what the tiles take; a copy is counted as reading the blob again."""
    walked, panels = _walked(lowering), -(-lowering.top().channels // ROWS)
    steps = sum(
        each.elements * slide.layout.steps for each, slide in zip(readings(lowering), walked.slides, strict=True)
    )
    registers = len(walked.tiles) * walked.registers
    filled = panels * ROWS * WORDS * lowering.bottoms[0].element.interleave
    copied = [lowering.read] if _parts(lowering) else []
    ends = len(walked.slides) * registers * panels
    return phase_of(lowering, registers * ROWS * steps * filled, ends, steps * panels * ROWS * ROW_BYTES, copied)


@blob_families(CHANNEL, _phase, _parts)
def tiles_step(lowering: Lowering, task: WordTask, registers: int, firsts: list[int]) -> Step:
    """Contract 64 bytes of channels at a time by the tile unit, for 16 or 32 positions and as many filters."""
    walked, form, residual = _walked(lowering), Form.of(lowering), residual_layout(lowering)
    slides, layouts = walked.slides, [slide.layout for slide in walked.slides]
    cuts = [Filters(steps, registers, columns=True) for steps in steps_of_lines(task)]
    packed = [pack(source, firsts, cut) for source, cut in zip(task.sources, cuts, strict=True)]
    each_source = zip(task.sources, slides, cuts, strict=True)
    steps = [_steps(s.source.lists.used, slide, cut) for s, slide, cut in each_source]
    filters = -(-task.filters // ROWS) * ROWS
    values, _ = integer_words(lowering, task, packed, steps, filters)
    for which, source, layout in zip(("", "2"), task.sources, layouts, strict=False):
        values |= {f"x{which}": parts_of_blob(source.source.blob, layout), f"x{which}_block": layout.block_elements}
    numbers, sizes = np.arange(len(firsts)), [len(each) // len(firsts) for each in packed]
    panels = np.column_stack([numbers * sizes[0], firsts, numbers * sizes[-1]])
    strides = [slide.row_positions * slide.layout.position_elements for slide in slides]
    words = form.declared(BlobChannel)(
        **values,
        step_count=len(steps[0]),
        step_count2=len(steps[-1]),
        row_stride=strides[0],
        row_stride2=strides[-1],
        spans=walked.spans,
        tiles=walked.tiles * (layouts[0].position_elements, layouts[-1].position_elements, 1, 1),
        tile_count=len(walked.tiles),
        panels=panels,
        panel_count=len(panels),
        panels_inner=sum(each.nbytes for each in packed) <= lowering.target.core_cache_bytes,
        y_pitch=lowering.top().position_elements,
        residual_pitch=residual.position_elements if residual else 0,
    )
    kernel = contraction((walked.registers, registers), cuts[0].steps.depth, form, lowering.target)
    return Step(kernel, words, task.filter_macs * sum(min(registers * ROWS, task.filters - first) for first in firsts))


def _steps(used: Array, slide: Slide, cut: Filters) -> Array:
    """Return the table of steps: of each used element of the window all channels."""
    words = np.array(cut.steps.firsts) * cut.steps.together
    x = slide.taps(used)[:, None] * slide.layout.position_elements + words
    return np.column_stack([x.ravel(), np.arange(x.size) * cut.step_words])
