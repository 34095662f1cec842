"""A small typed builder of vector code over llvmlite.

It knows one vector type (f32, as wide as the instruction set's registers), pointers counted in f32
elements, and loops whose carried values are SSA values: accumulators therefore stay in registers.
"""

from collections.abc import Callable, Sequence

from llvmlite import ir

from xdn.codegen.arithmetic import I32
from xdn.codegen.conversion import Conversion
from xdn.codegen.formulas import Mathematics
from xdn.codegen.jit import llvm_type
from xdn.codegen.target import Target
from xdn.element import REAL, Element

I64 = ir.IntType(64)

#: The body of a loop: (builder of the body, index, carried values) -> carried values.
LoopBody = Callable[[ir.Value, list[ir.Value]], list[ir.Value]]


class VectorBuilder(Mathematics):
    """Emit vector instructions at the position of an llvmlite IRBuilder.

    Parameters
    ----------
    irbuilder : llvmlite.ir.IRBuilder
        Where instructions are appended.
    target : Target
        Gives the vector length, and whether multiply-add is fused.
    registers : int
        Vector registers that a value takes. LLVM emits an operation on all of them one after the other, so that
        long chains of operations, such as an exponential's, run side by side instead of waiting for each result.
    """

    def __init__(self, irbuilder: ir.IRBuilder, target: Target, registers: int = 1):
        super().__init__(irbuilder, target.lanes * registers)
        self.target = target

    def const(self, value: int) -> ir.Value:
        """Return an i64 constant."""
        return ir.Constant(I64, value)

    def offset(self, pointer: ir.Value, elements: ir.Value | int) -> ir.Value:
        """Return `pointer` moved by a number of elements."""
        index = self.const(elements) if isinstance(elements, int) else elements
        return self.ir.gep(pointer, [index])

    def opaque(self, pointer: ir.Value) -> ir.Value:
        """Return `pointer` so that the compiler knows nothing of how it came about.

        In a loop over many pointers it would otherwise keep each one and each sum of it with a constant in a slot of
        the stack of its own, and load them all in every iteration.
        """
        return self.ir.asm(ir.FunctionType(pointer.type, [pointer.type]), "", "=r,0", [pointer], side_effect=True)

    def scalar(self, pointer: ir.Value, index: ir.Value | int = 0) -> ir.Value:
        """Load the element `index` after `pointer`."""
        return self.ir.load(self.offset(pointer, index))

    def load(self, pointer: ir.Value, vector: int = 0, *, aligned: bool = True) -> ir.Value:
        """Load the vector number `vector` after a pointer to f32; blobs and weights align to registers."""
        value = self.ir.load(self._vector_pointer(pointer, vector))
        value.align = REAL.bytes * self.target.lanes if aligned else REAL.bytes
        return value

    def stored_scalar(self, pointer: ir.Value, index: ir.Value | int, element: Element) -> ir.Value:
        """Load the number `index` after a pointer to stored numbers of an element, as f32."""
        single = Conversion(self.ir, 0, self.target)
        return single.to_f32(self.scalar(pointer, index), element)

    def load_stored(self, pointer: ir.Value, vector: int, element: Element) -> ir.Value:
        """Load the vector number `vector` after a pointer to stored numbers of an element, as f32."""
        if element == REAL:
            return self.load(pointer, vector)
        place = self.offset(pointer, vector * self._lanes)
        kind = ir.VectorType(llvm_type(element), self._lanes)
        value = self.ir.load(self.ir.bitcast(place, kind.as_pointer()))
        value.align = element.bytes * self.target.lanes
        return Conversion(self.ir, self._lanes, self.target).to_f32(value, element)

    def store(self, value: ir.Value, pointer: ir.Value, vector: int = 0, *, aligned: bool = True) -> None:
        """Store to the vector number `vector` behind a pointer to f32."""
        stored = self.ir.store(value, self._vector_pointer(pointer, vector))
        stored.align = REAL.bytes * self.target.lanes if aligned else REAL.bytes

    def store_stored(self, value: ir.Value, pointer: ir.Value, vector: int, element: Element) -> None:
        """Store f32 to the vector number `vector` after a pointer to numbers of an element, f32 or bf16."""
        if element == REAL:
            self.store(value, pointer, vector)
            return
        rounded = Conversion(self.ir, self._lanes, self.target).to_bf16(value)
        place = self.ir.bitcast(self.offset(pointer, vector * self._lanes), rounded.type.as_pointer())
        self.ir.store(rounded, place).align = element.bytes * self.target.lanes

    def _vector_pointer(self, pointer: ir.Value, vector: int) -> ir.Value:
        place = self.offset(pointer, vector * self._lanes)
        return self.ir.bitcast(place, self.kind.as_pointer())

    def broadcast(self, scalar: ir.Value) -> ir.Value:
        """Return a vector whose lanes all hold `scalar`."""
        undef = ir.Constant(ir.VectorType(scalar.type, self._lanes), ir.Undefined)
        first = self.ir.insert_element(undef, scalar, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self._lanes), [0] * self._lanes)
        return self.ir.shuffle_vector(first, undef, mask)

    def same_word(self, number: ir.Value) -> ir.Value:
        """Return a vector of i32 that all are the last bits of an i64."""
        return self.broadcast(self.ir.trunc(number, I32))

    def lane_numbers(self) -> ir.Value:
        """Return a vector of i32: the number of each lane, from 0 on."""
        return ir.Constant(ir.VectorType(I32, self._lanes), list(range(self._lanes)))

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """Return a * b + c, rounded once where the instruction set can."""
        return self.fused(a, b, c) if self.target.fma else self._call("llvm.fmuladd", a, b, c)

    def loop(self, begin: ir.Value, end: ir.Value, carried: Sequence[ir.Value], body: LoopBody) -> list[ir.Value]:
        """Emit ``for index in range(begin, end)`` and return the carried values after it.

        The carried values are phi nodes, so they live in registers. `begin` may equal `end`.
        """
        before = self.ir.block
        head = self.ir.append_basic_block("loop.head")
        inside = self.ir.append_basic_block("loop.body")
        after = self.ir.append_basic_block("loop.end")
        self.ir.branch(head)
        self.ir.position_at_end(head)
        index = self.ir.phi(I64)
        phis = [self.ir.phi(value.type) for value in carried]
        index.add_incoming(begin, before)
        for phi, value in zip(phis, carried, strict=True):
            phi.add_incoming(value, before)
        self.ir.cbranch(self.ir.icmp_signed("<", index, end), inside, after)
        self.ir.position_at_end(inside)
        results = body(index, list(phis))
        last = self.ir.block
        index.add_incoming(self.ir.add(index, self.const(1)), last)
        for phi, value in zip(phis, results, strict=True):
            phi.add_incoming(value, last)
        self.ir.branch(head)
        self.ir.position_at_end(after)
        return list(phis)
