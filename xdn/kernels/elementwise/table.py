"""Functions of 8-bit integers as tables of 256 results: those of the reference, so that all processors have them alike.

::

    for every byte:                                        of padding, too
        y[i] = table[x[i]]                                 8 bits into 8 bits; however the target looks bytes up
    for positions, groups of channels, images:
        y[i] = table[x[i]]                                 8 bits into f32, value by value
"""

from typing import cast

from llvmlite import ir

from xdn.codegen.arithmetic import I32
from xdn.codegen.builder import I64 as I64_TYPE
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, U8_POINTER, VOID, emitted
from xdn.codegen.lookup import LOOKUPS
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.target import PERMUTE, PLAIN, SHUFFLE, Target
from xdn.element import REAL, S8, U8
from xdn.graph import Array, Quantized
from xdn.kernels.core.aligned import aligned, aligned_vectors
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_channels, group_count, group_elements
from xdn.kernels.core.layout import BOTH, Schedule
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase
from xdn.layers.function import tabled

#: Cycles of a vector of bytes, by how they are looked up, and of one whose results are f32.
_CYCLES, _REAL_CYCLES = {PERMUTE: 3.0, SHUFFLE: 32.0, PLAIN: 80.0}, 120.0


class Bytes(Descriptor):
    """Vectors of bytes of a block, and the table as the target looks it up."""

    x, y = Place(U8), Place(U8)
    table = Pointer(U8)
    vectors = Size()


class Reals(Descriptor):
    """Bytes that become f32: positions of a block, elements from one to the next, groups of each, channels."""

    x, y = Place(U8), Place()
    table = Pointer()
    positions, x_pitch, y_pitch, groups, channels = (Size() for _ in range(5))


def _bytes_body(target: Target) -> KernelBody:
    """Return the loop over vectors, whatever they hold."""
    size = target.vector_bytes

    @emitted(VOID, U8_POINTER, U8_POINTER, U8_POINTER, I64)
    def look_up(irbuilder: ir.IRBuilder, x: ir.Value, y: ir.Value, table: ir.Value, vectors: ir.Value) -> None:
        b = VectorBuilder(irbuilder, target)
        lookup = LOOKUPS[target.lookup](b, table)

        def one(number: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            at = b.ir.mul(number, b.const(size))
            lookup.vector(b.offset(x, at), b.offset(y, at))
            return carried

        b.loop(b.const(0), vectors, [], one)

    def table(d, frame):
        begin, end = portion(frame, frame.blocks * d.vectors)
        look_up(at_element(frame, d.x, begin * size), at_element(frame, d.y, begin * size), d.table, end - begin)

    return table


def _picked(b: VectorBuilder, table: ir.Value, places: ir.Value) -> ir.Value:
    """Return the f32 of a table at places in it, i32."""
    found = ir.Constant(b.kind, ir.Undefined)
    for number in range(places.type.count):
        lane = ir.Constant(I32, number)
        value = b.scalar(table, b.ir.zext(b.ir.extract_element(places, lane), I64_TYPE))
        found = b.ir.insert_element(found, value, lane)
    return found


def _reals_body(target: Target, schedule: Schedule) -> KernelBody:
    """Return the loops over positions and groups of channels."""
    size, channels_of_group = group_elements(target, schedule), group_channels(target, schedule)

    @emitted(VOID, U8_POINTER, POINTER, POINTER, I64)
    def group(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        groups = Groups.of(irbuilder, target, schedule)
        x, y, table, last = args
        results = [_picked(groups.b, table, places) for places in groups.integers(x, U8)]
        groups.store(results, y, REAL, last=last)

    def table(d, frame):
        channels = d.channels
        begin, end = portion(frame, frame.blocks * d.positions)
        for p in range(begin, end):
            x, y = at_element(frame, d.x, p * d.x_pitch), at_element(frame, d.y, p * d.y_pitch)
            for g in range(d.groups):
                group(moved(x, g * size), moved(y, g * size), d.table, channels - g * channels_of_group - 1)

    return table


def _lower_bytes(lowering: Lowering, results: Array) -> Lowered:
    target, (x,), (top,) = lowering.target, lowering.layer.bottoms, lowering.layer.tops
    integers = cast(Quantized, lowering.layer.stored[0]).stored(results)
    packed = LOOKUPS[target.lookup].packed(integers.view(U8.numpy), target.vector_bytes)
    vectors = lowering.top().block_elements // target.vector_bytes
    words = lowering.words(Bytes, table=aligned(packed), vectors=vectors)
    name = KernelName(f"table_{target.lookup}", target.name, element=U8)
    return Lowered(
        [Step(kernel_source(name, lambda: _bytes_body(target), Bytes), words)],
        in_place={top: x},
    )


def _lower_reals(lowering: Lowering, results: Array) -> Lowered:
    target, schedule = lowering.target, lowering.schedule
    words = lowering.words(Reals, table=aligned_vectors(results), groups=group_count(lowering.top()))
    name = KernelName(schedule.op("table"), target.name, ("to", REAL.name), element=U8)
    return Lowered([Step(kernel_source(name, lambda: _reals_body(target, schedule), Reals), words)])


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    real = lowering.tops[0].element == REAL
    return lowering.moving_bytes(_REAL_CYCLES if real else _CYCLES[lowering.target.lookup])


def _stores(lowering: Lowering) -> bool:
    return lowering.tops[0].element in (REAL, U8, S8)


@family("integers_table", *(cls.type for cls in tabled()), when=_stores, quantized=True, schedules=BOTH, phases=_phases)
def lower_table(lowering: Lowering) -> Lowered:
    """Look the results up."""
    results = lowering.params.results(lowering.layer.quantized[0])
    return (_lower_reals if lowering.tops[0].element == REAL else _lower_bytes)(lowering, results)
