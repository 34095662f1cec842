"""The last check of optimized nets: what a machine's own ways to run a net make of the seeded batch.

The checks of stages compare references with references; what runs a net is given from outside, since `optimize` knows
no runtime. All of it is checked then: the kernels, and what is fused once more before the net runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from xdn import settings
from xdn.element import BF16
from xdn.errors import CheckError, UnsupportedError
from xdn.graph import Array, Layer, Net
from xdn.graph.cost import net_cost
from xdn.optimize.check import Arrays, after_jumps, largest_difference

#: How far a value may lie from what it is in bf16, relative to it: half of the last of 8 bits.
BF16_ROUNDING = 2.0**-8


class Execute(Protocol):
    """Run a net in every way that there is: blobs of it by name, for each way by its name."""

    def __call__(self, net: Net, inputs: Arrays, blobs: Sequence[str], /) -> Mapping[str, Arrays]:
        """Return at least the net's outputs; of the other `blobs` those that exist where the net runs."""
        ...


@dataclass(frozen=True)
class Execution:
    """How far each way to run a net lies from the references.

    Parameters
    ----------
    differences : mapping
        Way -> the largest difference over all outputs, what they are computed from, and what decides at a jump, each
        relative to its largest value.
    skipped : str
        Why the net was not run; empty where it was.
    """

    differences: Mapping[str, float] = field(default_factory=dict)
    skipped: str = ""


def check_execution(net: Net, batch: Arrays, expected: Arrays, execute: Execute) -> Execution:
    """Run a net, and compare its outputs with the `expected` ones.

    A layer whose tops jump (`LayerParams.jumps`), or which reads 8-bit integers or bf16 of f32, is expected to give
    what its reference makes of the bottoms that the machine gave it: these are compared themselves, and rounding
    decides what lies at the jump.

    Raises
    ------
    CheckError
        Where outputs differ by more than `settings.EXECUTION_TOLERANCE`, and of bf16 by what its last bit stands for.
    """
    if (why := _why_not(net, expected)) is not None:
        return Execution(skipped=why)
    before_jumps = [name for layer in net.layers if _jumps(layer) for name in layer.bottoms]
    # A softmax of scores far apart is 0 and 1, whatever the scores are: they are compared too.
    scores = [name for output in net.outputs for name in net.producers[output].bottoms]
    watched = list(dict.fromkeys((*before_jumps, *scores, *net.outputs)))
    try:
        found = execute(net, batch, watched)
    except UnsupportedError as error:
        return Execution(skipped=str(error))
    differences = {}
    for way, arrays in found.items():
        read = {layer.name: _bottoms(layer, arrays) for layer in net.layers if _jumps(layer)}
        known = after_jumps(net, expected, read)
        shared = [name for name in watched if name in arrays]
        differences[way] = max(_checked(way, name, _alike(net, name, known[name], arrays[name])) for name in shared)
    return Execution(differences)


def _jumps(layer: Layer) -> bool:
    """Return whether tops may change all at once where a bottom moves little."""
    return bool(layer.quantized) or layer.params.jumps(len(layer.tops))


def _bottoms(layer: Layer, arrays: Arrays) -> list[Array | None]:
    """Return what a layer reads of what the machine gave; None in place of what it did not give.

    A machine stores integers in 8 bits, and clips them where they are read in fewer.
    """
    found = [arrays.get(name) for name in layer.bottoms]
    for place, how in enumerate(layer.integers):
        given = found[place]
        if given is not None and given.dtype == how.element.numpy:
            found[place] = given.clip(*how.range)
    return found


def _alike(net: Net, name: str, known: Array, found: Array) -> tuple[Array, Array, float]:
    """Return what is expected of a blob, what the machine gave, and how far these may lie apart.

    Where the machine stored integers they are what all readers read, in 8 bits: who reads fewer clips them. Of bf16 the
    values are compared, which differ in the last bit where sums were rounded otherwise.
    """
    if found.dtype == known.dtype:
        return known, found, settings.EXECUTION_TOLERANCE
    reader = next(layer for layer in net.consumers[name] if layer.integers or layer.reads_bf16)
    if reader.reads_bf16:
        return known, BF16.loaded(found), settings.EXECUTION_TOLERANCE + BF16_ROUNDING
    return reader.integers[reader.bottoms.index(name)].in_full.stored(known), found, settings.EXECUTION_TOLERANCE


def _checked(way: str, name: str, compared: tuple[Array, Array, float]) -> float:
    """Return the difference of a blob; raise CheckError where it is too large."""
    known, found, allowed = compared
    difference = largest_difference({name: known}, {name: found}, [name])
    if difference > allowed:
        raise CheckError(
            f"the blob {name!r} differs from the references' by {difference:.2g} of its largest value; "
            f"{allowed:.2g} is allowed",
            where=f"the executor, schedule {way!r}",
            mend="Report the net: its layers' references are right (xdn.graph.Net.forward), what runs them is not",
        )
    return difference


def _why_not(net: Net, expected: Arrays) -> str | None:
    """Return why a net is not run: it takes long, or there is nothing to compare with."""
    cost = net_cost(net)
    if cost.macs > settings.EXECUTION_MACS or cost.top_bytes > settings.EXECUTION_BYTES:
        return (
            f"{cost.macs:.2g} multiply-accumulates and {cost.top_bytes:.2g} bytes of blobs an image are more than "
            f"{settings.EXECUTION_MACS:.2g} and {settings.EXECUTION_BYTES:.2g}"
        )
    if not all(np.isfinite(expected[name]).all() for name in net.outputs):
        return "the outputs of the seeded batch are not finite"
    return None
