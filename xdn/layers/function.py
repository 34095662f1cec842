"""What makes one function of each element a layer: its file is the only place that spells it.

Kernels, fused activations, the ONNX form and the PyTorch form are all read off the class. The file imports neither LLVM
nor ONNX nor PyTorch: the formula is written on whatever does the arithmetic, the ONNX form is a tree of data, and
PyTorch's functions come as an argument.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol

import numpy as np

from xdn.element import U8, real
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Quantized, Weights
from xdn.layers.base import LAYERS, CaffeLayer, one_bottom

#: What a function computes with: what an `Arithmetic` makes, an array, or a tensor of PyTorch's.
Value = Any
#: The module torch.nn.functional.
Functional = Any


class Arithmetic(Protocol):
    """What a formula is written on: operations on values of f32, whatever these are."""

    def number(self, value: float) -> Value:
        """Return the f32 nearest to `value`."""

    def negative(self, x: Value) -> Value:
        """Return -x."""

    def floor(self, x: Value) -> Value:
        """Return the largest whole number that is not above x."""

    def magnitude(self, x: Value) -> Value:
        """Return |x|."""

    def add(self, a: Value, b: Value) -> Value:
        """Return a + b."""

    def sub(self, a: Value, b: Value) -> Value:
        """Return a - b."""

    def mul(self, a: Value, b: Value) -> Value:
        """Return a * b."""

    def div(self, a: Value, b: Value) -> Value:
        """Return a / b."""

    def where(self, a: Value, comparison: str, b: Value, yes: Value, no: Value) -> Value:
        """Return `yes` where `a` compares so to `b`, else (and for NaN) `no`."""

    def exp(self, x: Value) -> Value:
        """Return e**x."""

    def log(self, x: Value) -> Value:
        """Return the natural logarithm of x."""

    def signed_power(self, x: Value, exponent: Value, sign: Value) -> Value:
        """Return x**exponent; of a negative x `sign` times that of its magnitude."""

    def square_root(self, x: Value) -> Value:
        """Return the square root of x."""

    def log_1p(self, x: Value) -> Value:
        """Return log(1 + x) for x >= 0."""

    def tanh(self, x: Value) -> Value:
        """Return the hyperbolic tangent of x."""

    def erf(self, x: Value) -> Value:
        """Return the error function of x."""


#: Computes one element: (arithmetic, x, constants...) -> y.
Formula = Callable[..., Any]


@dataclass(frozen=True)
class Kernel:
    """What computes a function where it is a layer of its own.

    Parameters
    ----------
    word : str
        What the kernel is called; kernels of one name are the same.
    formula : callable
        Computes one element.
    constants : tuple of float
        What it takes after x.
    """

    word: str
    formula: Formula
    constants: tuple[float, ...] = ()


#: The bottom, in an ONNX form.
X: Final = None
#: ONNX's number of f32.
FLOAT = 1


@dataclass(frozen=True)
class Constant:
    """A number in an ONNX form.

    Parameters
    ----------
    name : str
        What follows the layer's name in the constant's.
    value : float
    """

    name: str
    value: float


@dataclass(frozen=True)
class Node:
    """A node of an ONNX form, which is a tree.

    Parameters
    ----------
    op : str
        ONNX's operator.
    inputs : tuple
        Other nodes, constants, or `X`.
    name : str
        What follows the top's name in the result's; the root's result is the top.
    attributes : mapping
        The operator's.
    """

    op: str
    inputs: "tuple[Operand, ...]"
    name: str
    attributes: Mapping[str, float]


Operand = Node | Constant | None


def node(op: str, *inputs: Operand, name: str = "", **attributes: float) -> Node:
    """Return a node; the keywords are the operator's attributes."""
    return Node(op, inputs, name, attributes)


def times(x: Operand, factor: float) -> Operand:
    """Return the product, or x where the factor is 1."""
    return x if factor == 1 else node("Mul", x, Constant("factor", factor), name="scaled")


def linear(x: Operand, scale: float, shift: float) -> Operand:
    """Return shift + scale * x."""
    scaled = times(x, scale)
    return scaled if shift == 0 else node("Add", scaled, Constant("shift", shift), name="shifted")


class Activation(CaffeLayer):
    """Base of the layers whose top element depends on the bottom element at its place and on nothing else."""

    channel_rule = ChannelRule.CARRIED
    elementwise = True
    always_keeps_positions = True
    has_bf16_form = True

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged."""
        return (one_bottom(bottoms),)

    @abstractmethod
    def numpy(self, x: Array) -> Array:
        """Return the top's values for the bottom's `x`, f32, as Caffe computes them."""

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Element by element."""
        return (self.numpy(bottoms[0]),)

    def why_real(self, bottoms: Blobs) -> str | None:
        """Any function of 256 values is a table of so many results."""
        return None

    def results(self, read: Quantized) -> Array:
        """Return (256,) f32: the results of the integers with the bytes 0..255, computed in f64 and rounded once.

        So they are the same on all processors, as long as none errs by more than the last bits of f64.
        """
        values = read.values(np.arange(256).astype(U8.numpy).view(read.element.numpy))
        with np.errstate(all="ignore"):
            return np.asarray(self.numpy(values.astype(np.float64)), real)

    def quantized_reference(
        self, bottoms: Arrays, read: Sequence[Quantized], weights: Weights, n_tops: int
    ) -> tuple[Array, ...]:
        """By the table, but of what rounds no value more than once anyway."""
        if self.same_bits:
            return super().quantized_reference(bottoms, read, weights, n_tops)
        return (self.results(read[0])[bottoms[0].view(U8.numpy)],)


class Function(Activation):
    """Base of the layers that compute one function of each element, with the layer's parameters as its constants.

    `formula` is what kernels compute, alone and fused; `numpy` is what Caffe computes, which the kernels are tested
    against, and stays a second way.
    """

    #: The family of kernels that computes it, and what these are called.
    word: ClassVar[str]
    #: What kernels call it that it is fused to, where that is another word.
    fused_word: ClassVar[str] = ""
    #: Computes one element.
    formula: ClassVar[Formula]
    #: The ONNX form, where it is the same whatever the parameters; else `onnx` returns it.
    onnx_form: ClassVar[Node]
    #: PyTorch's function that takes what `formula` takes, where it is not called `word`; else `torch` calls what does.
    torch_name: ClassVar[str] = ""

    def constants(self) -> tuple[float, ...]:
        """Return what `formula` takes after x, by default the parameters; a `fusable` function takes one at most."""
        return tuple(getattr(self, name) for name in self.proto_fields())

    def kernel(self) -> Kernel:
        """Return what computes the layer alone."""
        return Kernel(self.word, type(self).formula, self.constants())

    def onnx(self) -> Node:
        """Return the ONNX form."""
        return self.onnx_form

    def torch(self, functional: Functional, x: Value) -> Value:
        """Return the function of a tensor."""
        return getattr(functional, self.torch_name or self.word)(x, *self.constants())

    def torch_in_place(self, functional: Functional, x: Value) -> Value:
        """Return the same, written over x where PyTorch can."""
        return self.torch(functional, x)


def functions() -> list[type[Function]]:
    """Return every layer type that is such a function, sorted by name."""
    return [cls for name, cls in LAYERS.items() if name == cls.type and issubclass(cls, Function)]


def tabled() -> list[type[Activation]]:
    """Return every layer type that is a table of 256 results where it reads 8-bit integers, sorted by name."""
    named = [cls for name, cls in LAYERS.items() if name == cls.type]
    return [cls for cls in named if issubclass(cls, Activation) and not cls.same_bits]
