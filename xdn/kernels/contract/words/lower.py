"""What the families of both schedules are alike in: the words of their kernels, footprint, how long sums take."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xdn.graph import Array
from xdn.kernels.contract.task import contraction_footprint
from xdn.kernels.contract.tiles import position_classes
from xdn.kernels.contract.words.pairs import pair_task
from xdn.kernels.contract.words.task import WordTask, integer_task
from xdn.kernels.contract.work import Depth, Sums
from xdn.kernels.core.aligned import aligned, aligned_vectors
from xdn.kernels.core.epilogue import coefficients
from xdn.kernels.core.family import Lowering, packed_weights
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BlockLayout


def word_task(lowering: Lowering) -> WordTask:
    """Return what a layer of `is_of_integers`, or of `is_of_bf16`, contracts."""
    return pair_task(lowering) if lowering.layer.reads_bf16 else integer_task(lowering)


def residual_layout(lowering: Lowering) -> BlockLayout | None:
    """Return how the residual lies."""
    return lowering.projected() if lowering.layer.residual else None


def in_place(lowering: Lowering) -> dict[str, str]:
    """Return the top -> the residual in whose place it may be written: one that lies as the top does."""
    alike = residual_layout(lowering)
    return lowering.over_residual() if alike is not None and alike == lowering.top() else {}


def integer_footprint(lowering: Lowering) -> Footprint:
    """Return what packed weights and tables take; no more than of f32, of which they are made in several steps."""
    weights = packed_weights(lowering)
    return contraction_footprint(lowering) + Footprint(0, weights.kept)


def end_words(lowering: Lowering, filters: int) -> dict[str, Any]:
    """Return the values of the fields of `Integers` for what becomes of sums, of so many filters; zeros after the last.

    A residual has a scale where it is read as integers, and a top an inverse where it is stored so.
    """
    layer, top, residual = lowering.layer, lowering.top(), residual_layout(lowering)
    scaled = residual is not None and len(layer.integers) == len(layer.bottoms)
    return {
        "y": layer.tops[0],
        "y_block": top.block_elements,
        "residual": layer.residual,
        "residual_block": residual.block_elements if residual else 0,
        "residual_scale": layer.integers[-1].scale if scaled else 0.0,
        "inverse": lowering.inverse,
        "coefficients": aligned_vectors(coefficients(layer, top.channels), filters),
    }


def integer_words(
    lowering: Lowering, task: WordTask, packed: Sequence[Array], runs: Sequence[Array], filters: int
) -> tuple[dict[str, Any], list[Array]]:
    """Return the values of the fields of `Integers`, and for each source where each position's biases begin.

    Parameters
    ----------
    lowering, task
    packed, runs : sequences of arrays
        Of each source.
    filters : int
        For which biases and factors are read: as many as the tiles have, zeros for those after the last.
    """
    words, begins = end_words(lowering, filters), []
    for which, source, weights, table in zip(("", "2"), task.sources, packed, runs, strict=False):
        rows, number = source.biases()
        biases = np.zeros((len(rows), filters), rows.dtype)
        biases[:, : task.filters] = rows
        words |= {
            f"x{which}": source.source.blob,
            f"x{which}_block": source.source.layout.block_elements,
            f"weights{which}": weights,
            f"runs{which}": table,
            f"bias{which}": aligned(biases),
            f"multipliers{which}": aligned_vectors(source.factor, filters),
        }
        begins.append(number * filters)
    return words, begins


def sums_of(lowering: Lowering, task: WordTask) -> Sums:
    """Return what a layer sums, as rules see it: a step of a kernel's loop multiplies a word of channels."""
    lists = [source.source.lists for source in task.sources]
    words = [source.words for source in task.sources]
    products = sum((each.positions[:, 2] - each.positions[:, 1]) * n for each, n in zip(lists, words, strict=True))
    classes = position_classes([each.positions for each in lists])
    depths = tuple(Depth(len(members), float(products[members[0]])) for members in classes)
    rates = lowering.target.rates
    target = replace(lowering.target, rates=replace(rates, multiplied=rates.products(lowering.bottoms[0].element)))
    return Sums(target, depths, lowering.bottom().block_bytes / task.groups, (lowering.read, lowering.written))
