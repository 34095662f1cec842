"""The loop that every worker runs: take a chunk of images, run all steps on it, take the next.

It is one call into machine code for a whole data set; Python does nothing per layer or per image::

    while not cancelled:
        chunk = next free chunk                         an atomic counter; no barrier
        for call in program:                            a step, for some of the chunk's blocks
            call.kernel(call.descriptor, frame)

The last chunks are smaller, so that the workers end at nearly the same time::

    blocks  0 .. 5 | 6 .. 11 | 12 .. 17 | 18 19 | 20 21 | 22        3 whole chunks of 6 blocks, then 2 at a time

Where several threads share a chunk (a team), each computes its part of every step, and they meet after it; the first
member takes the chunks and tells the others.

A second driver, made from the same loop, adds up how long each step takes; the first one contains nothing of it.
"""

from llvmlite import ir

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import atomic_add, atomic_load, call_kernel, external, i64_at, read_ticks
from xdn.codegen.jit import I64, VOID, emitted, jitable
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target
from xdn.kernels.core.barrier import TOLD, meet
from xdn.kernels.core.layout import BLOCKS, FIRST_IMAGE, IMAGES, MEMBER, MEMBERS, TEAM, TICKS

# The control words that the workers of one run share.
#: The next chunk that nobody has taken; chunks that are done; not 0: stop before the next chunk.
NEXT, DONE, CANCEL = range(3)
TOTAL_IMAGES, CALLS = 3, 4
#: Blocks of a chunk; how many chunks have as many at most; blocks of each chunk after those.
CHUNK_BLOCKS, WHOLE_CHUNKS, LAST_BLOCKS = 5, 6, 7
#: Address of the program: rows of (kernel address, descriptor address, first block, blocks, number of the step).
PROGRAM = 8
#: Images of a block.
BLOCK_IMAGES = 9
CONTROL_WORDS = 10
CALL_WORDS = 5

#: Bits of the x86 control register MXCSR that flush denormal results and operands to zero.
FLUSH_BITS = 0x8040

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()


def _float_control(builder: ir.IRBuilder, name: str) -> tuple[ir.Value, ir.Function]:
    """Return memory for MXCSR, and the instruction that reads it to there, or sets it to what is there."""
    slot = builder.alloca(_I32)
    kind = ir.FunctionType(ir.VoidType(), [_BYTES])
    return slot, external(builder, f"llvm.x86.sse.{name}", kind)


def _on_x86(builder: ir.IRBuilder) -> bool:
    return str(builder.module.triple).startswith(("x86_64", "i386", "i686"))


@emitted(I64)
def read_float_control(builder):
    """Return how the thread treats denormal numbers."""
    if not _on_x86(builder):
        return ir.Constant(_I64, 0)
    slot, store = _float_control(builder, "stmxcsr")
    builder.call(store, [builder.bitcast(slot, _BYTES)])
    return builder.zext(builder.load(slot), _I64)


@emitted(VOID, I64)
def set_float_control(builder, control):
    """Let the thread treat denormal numbers so."""
    if _on_x86(builder):
        slot, load = _float_control(builder, "ldmxcsr")
        builder.store(builder.trunc(control, _I32), slot)
        builder.call(load, [builder.bitcast(slot, _BYTES)])


@jitable
def first_image(control, number):
    """Return the number of a chunk's first image, were there enough; that of the next chunk ends the chunk."""
    whole = min(number, control[WHOLE_CHUNKS])
    return (whole * control[CHUNK_BLOCKS] + (number - whole) * control[LAST_BLOCKS]) * control[BLOCK_IMAGES]


@jitable
def _enter(call, frame, block_images, first, images):
    """Set the frame to the blocks of a call; return False where the chunk ends before them."""
    skipped = call[2] * block_images
    if skipped >= images:
        return False
    count = min(images - skipped, call[3] * block_images)
    frame[FIRST_IMAGE] = first + skipped
    frame[IMAGES] = count
    frame[BLOCKS] = (count + block_images - 1) // block_images
    return True


@jitable
def _run_calls(control, frame, first, images):
    program, members = control[PROGRAM], frame[MEMBERS]
    for number in range(control[CALLS]):
        call = i64_at(program + number * CALL_WORDS * 8)
        if _enter(call, frame, control[BLOCK_IMAGES], first, images):
            call_kernel(call[0], call[1], frame)
            if members > 1:
                meet(i64_at(frame[TEAM]), members)


@jitable
def _time_calls(control, frame, first, images):
    program, members, ticks = control[PROGRAM], frame[MEMBERS], i64_at(frame[TICKS])
    begin = read_ticks()
    for number in range(control[CALLS]):
        call = i64_at(program + number * CALL_WORDS * 8)
        if _enter(call, frame, control[BLOCK_IMAGES], first, images):
            call_kernel(call[0], call[1], frame)
            if members > 1:
                meet(i64_at(frame[TEAM]), members)
            end = read_ticks()
            ticks[call[4]] += end - begin
            begin = end


@jitable
def _take(control):
    """Return the next chunk that nobody has taken, -1 where there is none or the run was cancelled."""
    if atomic_load(control, CANCEL):
        return -1
    number = atomic_add(control, NEXT, 1)
    return number if first_image(control, number) < control[TOTAL_IMAGES] else -1


@jitable
def _next_chunk(control, frame):
    """Return what `_take` gives, the same to all members of a team."""
    members, team = frame[MEMBERS], i64_at(frame[TEAM])
    if members == 1:
        return _take(control)
    # All have read what was told before when they meet after a step.
    if frame[MEMBER] == 0:
        team[TOLD] = _take(control)
    meet(team, members)
    return team[TOLD]


def driver(target: Target, timed: bool = False) -> KernelSource:
    """Return the driver: its descriptor is the control words, its frame the worker's own.

    Parameters
    ----------
    target : Target
    timed : bool
        Add the ticks that each step takes to the frame's `TICKS`.
    """
    op, run_calls = ("driver_timed", _time_calls) if timed else ("driver", _run_calls)
    return KernelSource(KernelName(op, target.name), lambda: _body(run_calls))


def _body(run_calls) -> KernelBody:
    def drive(control, frame):
        before = read_float_control()
        set_float_control(before | FLUSH_BITS)
        number = _next_chunk(control, frame)
        while number >= 0:
            first = first_image(control, number)
            end = min(first_image(control, number + 1), control[TOTAL_IMAGES])
            run_calls(control, frame, first, end - first)
            if frame[MEMBER] == 0:
                atomic_add(control, DONE, 1)
            number = _next_chunk(control, frame)
        set_float_control(before)

    return drive
