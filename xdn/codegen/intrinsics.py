"""What jitted kernels need and Numba does not offer: typed pointers, calls by address, atomics, a clock."""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

#: Kernels get and give everything through int64: descriptors, frames, addresses.
WORDS = types.CPointer(types.int64)
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_BYTE_POINTER = ir.IntType(8).as_pointer()
#: Numba's own calling convention for a function (int64*, int64*) -> None: status, result, error, arguments.
KERNEL_TYPE = ir.FunctionType(_I32, [_BYTE_POINTER, _BYTE_POINTER, _I64.as_pointer(), _I64.as_pointer()])


def _pointer_intrinsic(element: types.Type, doc: str):
    def typed(typingctx, address):
        def codegen(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

        return types.CPointer(element)(types.int64), codegen

    typed.__doc__ = doc
    return intrinsic(typed)


f32_at = _pointer_intrinsic(types.float32, "Return the address as a pointer to f32.")
f64_at = _pointer_intrinsic(types.float64, "Return the address as a pointer to f64.")
u8_at = _pointer_intrinsic(types.uint8, "Return the address as a pointer to u8.")
i64_at = _pointer_intrinsic(types.int64, "Return the address as a pointer to int64.")


@intrinsic
def call_kernel(typingctx, address, descriptor, frame):
    """Call the compiled kernel at `address` with a descriptor's address and a frame."""

    def codegen(context, builder, signature, args):
        kernel = builder.inttoptr(args[0], KERNEL_TYPE.as_pointer())
        words = builder.inttoptr(args[1], _I64.as_pointer())
        result = builder.bitcast(cgutils.alloca_once(builder, _I64), _BYTE_POINTER)
        error = builder.bitcast(cgutils.alloca_once(builder, _I64), _BYTE_POINTER)
        builder.call(kernel, [result, error, words, args[2]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, WORDS), codegen


@intrinsic
def atomic_add(typingctx, words, index, value):
    """Add `value` to ``words[index]`` and return what stood there, as one indivisible step."""

    def codegen(context, builder, signature, args):
        place = builder.gep(args[0], [args[1]])
        return builder.atomic_rmw("add", place, args[2], "seq_cst")

    return types.int64(WORDS, types.int64, types.int64), codegen


@intrinsic
def atomic_load(typingctx, words, index):
    """Return ``words[index]``, read afresh from memory."""

    def codegen(context, builder, signature, args):
        return builder.load_atomic(builder.gep(args[0], [args[1]]), "seq_cst", 8)

    return types.int64(WORDS, types.int64), codegen


@intrinsic
def atomic_store(typingctx, words, index, value):
    """Write ``words[index]`` so that every thread sees it, and all that was written before it."""

    def codegen(context, builder, signature, args):
        builder.store_atomic(args[2], builder.gep(args[0], [args[1]]), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(WORDS, types.int64, types.int64), codegen


@intrinsic
def pause(typingctx):
    """Tell the processor that the thread waits in a loop."""

    def codegen(context, builder, signature, args):
        triple, none = builder.module.triple, ir.VoidType()
        if triple.startswith(("x86_64", "i386", "i686")):
            kind = ir.FunctionType(none, [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        elif triple.startswith(("aarch64", "arm64")):
            kind, yield_hint = ir.FunctionType(none, [_I32]), ir.Constant(_I32, 1)
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.hint"), [yield_hint])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def call_plain(typingctx, address):
    """Call the C function at `address`, which takes nothing and returns an int."""

    def codegen(context, builder, signature, args):
        builder.call(builder.inttoptr(args[0], ir.FunctionType(_I32, []).as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def read_ticks(typingctx):
    """Return the processor's free-running counter; how long a tick is must be measured.

    x86-64 gives the time stamp counter, which today's processors advance at a constant rate on all cores. Arm gives
    CNTVCT_EL0, since LLVM would read the cycle counter there, which user programs may not.
    """

    def codegen(context, builder, signature, args):
        if builder.module.triple.startswith(("aarch64", "arm64")):
            return builder.asm(ir.FunctionType(_I64, []), "mrs $0, cntvct_el0", "=r", [], side_effect=True)
        kind = ir.FunctionType(_I64, [])
        name = "llvm.readcyclecounter"
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        return builder.call(function, [])

    return types.int64(), codegen
