"""What kernels need and Numba does not offer: typed pointers, calls by address, atomics, a clock."""

from typing import Any

from llvmlite import ir

from xdn.codegen.arithmetic import external
from xdn.codegen.jit import I64, VOID, WORDS, Kind, Words, emitted, generic
from xdn.element import REAL, S64, U8, Element

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_BYTE_POINTER = ir.IntType(8).as_pointer()
#: Numba's own calling convention for a function (int64*, int64*) -> None: status, result, error, arguments.
KERNEL_TYPE = ir.FunctionType(_I32, [_BYTE_POINTER, _BYTE_POINTER, _I64.as_pointer(), _I64.as_pointer()])


def pointer_at(element: Element) -> Any:
    """Return the function that makes an address a pointer."""
    kind = Kind(element, "pointer")
    return emitted(kind, I64)(lambda builder, address: builder.inttoptr(address, kind.llvm))


i64_at = pointer_at(S64)


def words_at(words: type[Words]) -> Any:
    """Return the function that makes an address a pointer to words of a class."""

    @generic
    def typed_words(typingctx: Any, address: Any) -> Any:
        from xdn.codegen.numba_types import words_type

        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[ir.Value]) -> ir.Value:
            return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

        return words_type(words)(address), codegen

    return typed_words


@generic
def at(typingctx: Any, frame: Any, place: Any) -> Any:
    """Return the pointer to a blob's first number: where its place is in the frame's arena."""
    return _place_signature(frame, place)


@generic
def at_element(typingctx: Any, frame: Any, place: Any, number: Any) -> Any:
    """Return the pointer to the element `number` of a blob."""
    return _place_signature(frame, place, number)


def _place_signature(frame: Any, place: Any, *numbers: Any) -> Any:
    from xdn.codegen.numba_types import pointer_to, word_pointer

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[ir.Value]) -> ir.Value:
        pointer, offset, *number = args
        begin = builder.add(builder.load(word_pointer(builder, frame, pointer, "arena")), offset)
        if number:
            begin = builder.add(begin, builder.mul(number[0], ir.Constant(_I64, place.element.bytes)))
        return builder.inttoptr(begin, context.get_value_type(signature.return_type))

    return pointer_to(place.element)(frame, place, *numbers), codegen


@generic
def moved(typingctx: Any, pointer: Any, elements: Any) -> Any:
    """Return a pointer moved by a number of elements."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[ir.Value]) -> ir.Value:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, elements), codegen


@generic
def same_place(typingctx: Any, one: Any, other: Any) -> Any:
    """Return whether two blobs share a place."""
    from numba.core import types

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[ir.Value]) -> ir.Value:
        return builder.icmp_signed("==", *args)

    return types.boolean(one, other), codegen


@generic
def argument_at(typingctx: Any, frame: Any, number: Any, place: Any) -> Any:
    """Return the pointer to the caller's array `number`, which has the numbers of the blob at `place`."""
    return _argument_signature(place.element, frame, number, place)


@generic
def bytes_at(typingctx: Any, frame: Any, number: Any) -> Any:
    """Return the pointer to the bytes of the caller's array `number`."""
    return _argument_signature(U8, frame, number)


@generic
def reals_at(typingctx: Any, frame: Any, number: Any) -> Any:
    """Return the pointer to the f32 of the caller's array `number`."""
    return _argument_signature(REAL, frame, number)


def _argument_signature(element: Element, frame: Any, *others: Any) -> Any:
    from xdn.codegen.numba_types import pointer_to, word_pointer

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[ir.Value]) -> ir.Value:
        first = word_pointer(builder, frame, args[0], "io")
        address = builder.load(builder.gep(first, [args[1]]))
        return builder.inttoptr(address, context.get_value_type(signature.return_type))

    return pointer_to(element)(frame, *others), codegen


@emitted(VOID, I64, I64, WORDS)
def call_kernel(builder: ir.IRBuilder, address: ir.Value, descriptor: ir.Value, frame: ir.Value) -> None:
    """Call the compiled kernel at `address` with a descriptor's address and a frame."""
    kernel = builder.inttoptr(address, KERNEL_TYPE.as_pointer())
    words = builder.inttoptr(descriptor, _I64.as_pointer())
    unused = [builder.bitcast(at_entry(builder, _I64), _BYTE_POINTER) for _ in range(2)]
    builder.call(kernel, [*unused, words, frame])


def at_entry(builder: ir.IRBuilder, kind: ir.Type) -> ir.Value:
    """Return memory for one value, which a loop does not take anew each time."""
    with builder.goto_entry_block():
        return builder.alloca(kind)


@emitted(I64, WORDS, I64, I64)
def atomic_add(builder: ir.IRBuilder, words: ir.Value, index: ir.Value, value: ir.Value) -> ir.Value:
    """Add `value` to ``words[index]`` and return what stood there, as one indivisible step."""
    return builder.atomic_rmw("add", builder.gep(words, [index]), value, "seq_cst")


@emitted(I64, WORDS, I64)
def atomic_load(builder: ir.IRBuilder, words: ir.Value, index: ir.Value) -> ir.Value:
    """Return ``words[index]``, read afresh from memory."""
    return builder.load_atomic(builder.gep(words, [index]), "seq_cst", 8)


@emitted(VOID, WORDS, I64, I64)
def atomic_store(builder: ir.IRBuilder, words: ir.Value, index: ir.Value, value: ir.Value) -> None:
    """Write ``words[index]`` so that every thread sees it, and all that was written before it."""
    builder.store_atomic(value, builder.gep(words, [index]), "seq_cst", 8)


@emitted(VOID)
def pause(builder: ir.IRBuilder) -> None:
    """Tell the processor that the thread waits in a loop."""
    triple, none = builder.module.triple, ir.VoidType()
    if triple.startswith(("x86_64", "i386", "i686")):
        builder.call(external(builder, "llvm.x86.sse2.pause", ir.FunctionType(none, [])), [])
    elif triple.startswith(("aarch64", "arm64")):
        hint = external(builder, "llvm.aarch64.hint", ir.FunctionType(none, [_I32]))
        builder.call(hint, [ir.Constant(_I32, 1)])


@emitted(VOID, I64)
def call_plain(builder: ir.IRBuilder, address: ir.Value) -> None:
    """Call the C function at `address`, which takes nothing and returns an int."""
    builder.call(builder.inttoptr(address, ir.FunctionType(_I32, []).as_pointer()), [])


@emitted(I64)
def read_ticks(builder: ir.IRBuilder) -> ir.Value:
    """Return the processor's free-running counter; how long a tick is must be measured.

    x86-64 gives the time stamp counter, which today's processors advance at a constant rate on all cores. Arm gives
    CNTVCT_EL0, since LLVM would read the cycle counter there, which user programs may not.
    """
    kind = ir.FunctionType(_I64, [])
    if builder.module.triple.startswith(("aarch64", "arm64")):
        return builder.asm(kind, "mrs $0, cntvct_el0", "=r", [], side_effect=True)
    return builder.call(external(builder, "llvm.readcyclecounter", kind), [])
