"""How a thread treats denormal numbers: x86's control register for floating-point numbers, MXCSR."""

from llvmlite import ir

from xdn.codegen.arithmetic import external

#: Bits of MXCSR that flush denormal results and operands to zero.
FLUSH_BITS = 0x8040

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()


def read_float_control(builder: ir.IRBuilder) -> ir.Value:
    """Emit the reading of the register; return it as i64, 0 on other processors."""
    if not _on_x86(builder):
        return ir.Constant(_I64, 0)
    slot, store = _float_control(builder, "stmxcsr")
    builder.call(store, [builder.bitcast(slot, _BYTES)])
    return builder.zext(builder.load(slot), _I64)


def set_float_control(builder: ir.IRBuilder, control: ir.Value) -> None:
    """Emit what sets the register; nothing on other processors."""
    if _on_x86(builder):
        slot, load = _float_control(builder, "ldmxcsr")
        builder.store(builder.trunc(control, _I32), slot)
        builder.call(load, [builder.bitcast(slot, _BYTES)])


def _float_control(builder: ir.IRBuilder, name: str) -> tuple[ir.Value, ir.Function]:
    """Return memory for MXCSR, and the instruction that reads it to there, or sets it to what is there."""
    slot = builder.alloca(_I32)
    kind = ir.FunctionType(ir.VoidType(), [_BYTES])
    return slot, external(builder, f"llvm.x86.sse.{name}", kind)


def _on_x86(builder: ir.IRBuilder) -> bool:
    return str(builder.module.triple).startswith(("x86_64", "i386", "i686"))
