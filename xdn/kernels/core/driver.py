"""The loop that every worker runs: take a chunk of images, run all steps on it, take the next.

It is one call into machine code for a whole data set; Python does nothing per layer or per image::

    while not cancelled:
        chunk = next free chunk                         an atomic counter; no barrier
        for call in program:                            a step, for some of the chunk's blocks
            call.kernel(call.descriptor, frame)

The last chunks are smaller, so that the workers end at nearly the same time::

    blocks  0 .. 5 | 6 .. 11 | 12 .. 17 | 18 19 | 20 21 | 22        3 whole chunks of 6 blocks, then 2 at a time

Where several threads share a chunk, its *members*, each computes its part of every step, and they meet after it at a
barrier; the first member takes the chunks and tells the others.

A second driver, made from the same loop, notes down what each step takes; the first one contains nothing of it.
"""

from collections.abc import Callable

from llvmlite import ir

from xdn.codegen import float_control
from xdn.codegen.intrinsics import atomic_add, atomic_load, call_kernel, read_ticks, words_at
from xdn.codegen.jit import I64, VOID, emitted, jitable
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.element import S64
from xdn.kernels.core.barrier import barrier_at, meet
from xdn.kernels.core.descriptor import Cell, Descriptor, Size
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.stopwatch import Stopwatch


class Control(Descriptor):
    """What the workers of one run share.

    next, done, cancel
        The next chunk that nobody has taken; chunks that are done; not 0: stop before the next chunk.
    chunk_blocks, whole_chunks, last_blocks
        Blocks of a chunk; how many chunks have as many at most; blocks of each chunk after those.
    calls, program
        Number and address of the `Call`s that are made for a chunk.
    """

    next, done, cancel = Cell(), Cell(), Cell()
    total_images, block_images, chunk_blocks, whole_chunks, last_blocks, calls, program = (Size() for _ in range(7))


class Call(Descriptor):
    """A kernel's address and its descriptor's; the first of the chunk's blocks that are its, how many; its step."""

    kernel, descriptor, first_block, blocks, step = (Size() for _ in range(5))


call_at, stopwatch_at = words_at(Call), words_at(Stopwatch)
CALL_BYTES = Call.size * S64.bytes


@emitted(I64)
def read_float_control(builder: ir.IRBuilder) -> ir.Value:
    """Return how the thread treats denormal numbers."""
    return float_control.read_float_control(builder)


@emitted(VOID, I64)
def set_float_control(builder: ir.IRBuilder, control: ir.Value) -> None:
    """Let the thread treat denormal numbers so."""
    float_control.set_float_control(builder, control)


@jitable
def first_image(control, number):
    """Return the number of a chunk's first image, were there enough; that of the next chunk ends the chunk."""
    whole = min(number, control.whole_chunks)
    return (whole * control.chunk_blocks + (number - whole) * control.last_blocks) * control.block_images


@jitable
def _enter(call, frame, block_images, first, images):
    """Set the frame to the blocks of a call; return False where the chunk ends before them."""
    skipped = call.first_block * block_images
    if skipped >= images:
        return False
    count = min(images - skipped, call.blocks * block_images)
    frame.first_image = first + skipped
    frame.images = count
    frame.blocks = (count + block_images - 1) // block_images
    return True


@jitable
def _run_calls(control, frame, first, images):
    for number in range(control.calls):
        call = call_at(control.program + number * CALL_BYTES)
        if _enter(call, frame, control.block_images, first, images):
            call_kernel(call.kernel, call.descriptor, frame)
            meet(frame)


@jitable
def _time_calls(control, frame, first, images):
    watch = stopwatch_at(frame.stopwatch)
    ticks = watch.ticks
    begin = read_ticks()
    for number in range(control.calls):
        call = call_at(control.program + number * CALL_BYTES)
        if _enter(call, frame, control.block_images, first, images):
            call_kernel(call.kernel, call.descriptor, frame)
            _note(watch, call.step, frame, begin)
            meet(frame)
            end = read_ticks()
            ticks[call.step] += end - begin
            begin = end


@jitable
def _note(watch, step, frame, begin):
    """Note that a step that began then has just ended."""
    if watch.begun < watch.room:
        own = watch.slices[watch.begun]
        own.step = step
        own.first_image = frame.first_image
        own.images = frame.images
        own.begin = begin
        own.end = read_ticks()
    watch.begun += 1


@jitable
def _take(control):
    """Return the next chunk that nobody has taken, -1 where there is none or the run was cancelled."""
    if atomic_load(control.cancel, 0):
        return -1
    number = atomic_add(control.next, 0, 1)
    return number if first_image(control, number) < control.total_images else -1


@jitable
def _next_chunk(control, frame):
    """Return what `_take` gives, the same to all threads that share the frame's barrier."""
    if frame.members == 1:
        return _take(control)
    told = barrier_at(frame.barrier).told
    # All have read what was told before when they meet after a step.
    if frame.member == 0:
        told[0] = _take(control)
    meet(frame)
    return told[0]


def driver(target: Target, timed: bool = False) -> KernelSource:
    """Return the driver: its descriptor is the run's `Control`, its frame the worker's own.

    Parameters
    ----------
    target : Target
    timed : bool
        Note down what steps take, in the frame's `Stopwatch`.
    """
    op, run_calls = ("driver_timed", _time_calls) if timed else ("driver", _run_calls)
    return kernel_source(KernelName(op, target.name), lambda: _body(run_calls), Control)


def _body(run_calls: Callable[..., None]) -> KernelBody:
    def drive(control, frame):
        before = read_float_control()
        set_float_control(before | float_control.FLUSH_BITS)
        number = _next_chunk(control, frame)
        while number >= 0:
            first = first_image(control, number)
            end = min(first_image(control, number + 1), control.total_images)
            run_calls(control, frame, first, end - first)
            if frame.member == 0:
                atomic_add(control.done, 0, 1)
            number = _next_chunk(control, frame)
        set_float_control(before)

    return drive
