"""The loop that every worker runs: take a chunk of images, run all steps on it, take the next.

It is one call into machine code for a whole data set; Python does nothing per layer or per image::

    while not cancelled:
        chunk = next free chunk                         an atomic counter; no barrier
        for call in program:                            a step, for some of the chunk's blocks
            call.kernel(call.descriptor, frame)

The last chunks are smaller, so that the workers end at nearly the same time::

    blocks  0 .. 5 | 6 .. 11 | 12 .. 17 | 18 19 | 20 21 | 22        3 whole chunks of 6 blocks, then 2 at a time

A second driver, made from the same loop, adds up how long each step takes; the first one contains nothing of it.
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, register_jitable

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import atomic_add, atomic_load, call_kernel, i64_at, read_ticks
from xdn.codegen.isa import Isa
from xdn.codegen.names import KernelName
from xdn.kernels.layout import BLOCKS, FIRST_IMAGE, IMAGES, TICKS, B

# The control words that the workers of one run share.
#: The next chunk that nobody has taken; chunks that are done; not 0: stop before the next chunk.
NEXT, DONE, CANCEL = range(3)
TOTAL_IMAGES, CALLS = 3, 4
#: Blocks of a chunk; how many chunks have as many at most; blocks of each chunk after those.
CHUNK_BLOCKS, WHOLE_CHUNKS, LAST_BLOCKS = 5, 6, 7
#: Address of the program: rows of (kernel address, descriptor address, first block, blocks, number of the step).
PROGRAM = 8
CONTROL_WORDS = 9
CALL_WORDS = 5

#: Bits of the x86 control register MXCSR that flush denormal results and operands to zero.
FLUSH_BITS = 0x8040


def _denormals(read: bool):
    """Return an intrinsic that reads (or sets) how the thread treats denormal numbers."""

    def codegen(context, builder, signature, args):
        if not builder.module.triple.startswith(("x86_64", "i386", "i686")):
            return ir.Constant(ir.IntType(32), 0)
        slot = builder.alloca(ir.IntType(32))
        pointer = builder.bitcast(slot, ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type])
        name = "llvm.x86.sse.stmxcsr" if read else "llvm.x86.sse.ldmxcsr"
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        if read:
            builder.call(function, [pointer])
            return builder.load(slot)
        builder.store(args[0], slot)
        builder.call(function, [pointer])
        return args[0]

    if read:
        return intrinsic(lambda typingctx: (types.uint32(), codegen))
    return intrinsic(lambda typingctx, value: (types.uint32(types.uint32), codegen))


read_float_control = _denormals(read=True)
set_float_control = _denormals(read=False)


@register_jitable
def first_image(control, number):
    """Return the number of a chunk's first image, were there enough; that of the next chunk ends the chunk."""
    whole = min(number, control[WHOLE_CHUNKS])
    return (whole * control[CHUNK_BLOCKS] + (number - whole) * control[LAST_BLOCKS]) * B


@register_jitable
def _enter(call, frame, first, images):
    """Set the frame to the blocks of a call; return False where the chunk ends before them."""
    skipped = call[2] * B
    if skipped >= images:
        return False
    count = min(images - skipped, call[3] * B)
    frame[FIRST_IMAGE] = first + skipped
    frame[IMAGES] = count
    frame[BLOCKS] = (count + B - 1) // B
    return True


@register_jitable
def _run_calls(program, calls, frame, first, images):
    for number in range(calls):
        call = i64_at(program + number * CALL_WORDS * 8)
        if _enter(call, frame, first, images):
            call_kernel(call[0], call[1], frame)


@register_jitable
def _time_calls(program, calls, frame, first, images):
    ticks = i64_at(frame[TICKS])
    begin = read_ticks()
    for number in range(calls):
        call = i64_at(program + number * CALL_WORDS * 8)
        if _enter(call, frame, first, images):
            call_kernel(call[0], call[1], frame)
            end = read_ticks()
            ticks[call[4]] += end - begin
            begin = end


def driver(isa: Isa, timed: bool = False) -> KernelSource:
    """Return the driver: its descriptor is the control words, its frame the worker's own.

    Parameters
    ----------
    isa : Isa
    timed : bool
        Add the ticks that each step takes to the frame's `TICKS`.
    """
    op, run_calls = ("driver_timed", _time_calls) if timed else ("driver", _run_calls)
    return KernelSource(KernelName(op, isa.name), lambda: _body(run_calls))


def _body(run_calls) -> KernelBody:
    def drive(control, frame):
        before = read_float_control()
        set_float_control(types.uint32(before | FLUSH_BITS))
        while atomic_load(control, CANCEL) == 0:
            number = atomic_add(control, NEXT, 1)
            first = first_image(control, number)
            if first >= control[TOTAL_IMAGES]:
                break
            end = min(first_image(control, number + 1), control[TOTAL_IMAGES])
            run_calls(control[PROGRAM], control[CALLS], frame, first, end - first)
            atomic_add(control, DONE, 1)
        set_float_control(before)

    return drive
