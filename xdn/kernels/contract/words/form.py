"""What kernels of integers and of bf16 are made for, and what they are told.

What both schedules compute of the sums of an output of integers, in f32, each operation rounded once and none fused
with another::

    value = f32(acc) * multiplier                          of that filter: scale of x times scale of w
    value += f32(acc2) * multiplier2                       a second source, with sums of its own
    value += f32(residual) * residual_scale                of an f32 residual: value += residual
    value = activation(value)
    y = clip(rint(value * inverse))                        where the top is stored in 8 bits

Sums of bf16 are f32 as they are, and those of a second source go on where the first one's end::

    value = acc + residual
    y = activation(value)                                  rounded once where the top is stored in bf16
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, islice
from typing import Any, TypeVar, cast

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.jit import NUMBER, POINTER, VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target
from xdn.codegen.words import WordBuilder
from xdn.element import BF16, REAL, S8, S32, U8, Element
from xdn.graph import Layer
from xdn.kernels.contract.kernel import Contract
from xdn.kernels.core.descriptor import Number, Place, Pointer, Size, redeclared
from xdn.kernels.core.epilogue import ACTIVATIONS, PROJECTION, SUM, Activation, activation_of
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import Schedule
from xdn.layers.relu import ReLU


class WordContract(Contract):
    """What a contraction of integers, or of bf16, is told; a class below adds its tables.

    bias, bias2
        What sums begin with, of each filter; several rows of these where positions differ in it. In f32 of bf16, which
        has only the first one.
    multipliers, multipliers2
        What a sum of 1 stands for, of each filter.
    residual_scale, inverse
        What a residual of 1 stands for; 1 / what a top of 1 does. Of integers.
    """

    weights, weights2, bias, bias2 = (Pointer(S32) for _ in range(4))
    multipliers, multipliers2 = Pointer(), Pointer()
    residual_block, residual_scale, inverse = Size(), Number(), Number()


Words = TypeVar("Words", bound=WordContract)


@dataclass(frozen=True)
class Form:
    """What a kernel of integers or of bf16 is made for.

    Parameters
    ----------
    x : Element
        Of the first source: u8, s8 or bf16.
    top : Element
        f32, u8 or s8; of bf16 f32 or bf16.
    dots : str
        How the target multiplies (`xdn/codegen/dots.py`).
    residual, second : Element, optional
        Of a residual: f32, u8 or s8, or bf16; of the blob that a projection reads. One of them at most.
    activation : str, optional
        Its word in kernel names.
    """

    x: Element
    top: Element
    dots: str
    residual: Element | None = None
    second: Element | None = None
    activation: str | None = None

    @staticmethod
    def of(lowering: Lowering) -> "Form":
        """Return the form of a layer."""
        layer, top = lowering.layer, lowering.tops[0].element
        added = lowering.added[0].element if lowering.added else None
        residual, second = (added, None) if layer.residual else (None, added)
        x = lowering.bottoms[0].element
        return Form(x, top, lowering.target.way(x), residual, second, _activation_word(layer, top))

    @property
    def read(self) -> tuple[Element, ...]:
        """The elements of the blobs that are summed over."""
        return (self.x,) if self.second is None else (self.x, self.second)

    @property
    def together(self) -> int:
        """Filters that are stored together, or read so of a residual."""
        return max(self.top.interleave, self.residual.interleave if self.residual else 1)

    @property
    def scaled(self) -> bool:
        """Whether sums are integers, which stand for multiples of a scale."""
        return self.x != BF16

    @property
    def weights(self) -> Element:
        """Of what weights are."""
        return S8 if self.scaled else self.x

    @property
    def sums(self) -> Element:
        """What sums are computed in."""
        return S32 if self.scaled else REAL

    def name(
        self, schedule: Schedule, target: Target, tile: tuple[int, int] | None = None, op: str = "dots"
    ) -> KernelName:
        """Return the name of the kernel with a register tile, or of another operation that ends alike."""
        words = [] if self.residual is None else [SUM + self.residual.name]
        words += [] if self.second is None else [PROJECTION + self.second.name]
        words += [] if self.activation is None else [self.activation]
        words += [] if self.top == REAL else [f"to{self.top.name}"]
        return KernelName(schedule.op(f"{op}_{self.dots}"), target.name, tuple(words), tile, self.x, self.weights)

    def declared(self, words: type[Words]) -> type[Words]:
        """Return how words are declared for the blobs of this form."""
        own = {"x": self.x, "y": self.top, "residual": self.residual, "x2": self.second}
        return cast(type[Words], _declared(cast(Hashable, words), self.sums, tuple(own.items())))


@cache
def _declared(words: Any, sums: Element, places: tuple[tuple[str, Element | None], ...]) -> Any:
    words = redeclared(words, sums, Pointer, "bias", "bias2")
    for name, element in places:
        if element is not None:
            words = redeclared(words, element, Place, name)
    return words


def _activation_word(layer: Layer, top: Element) -> str | None:
    """Return the word of the activation that a kernel applies.

    A u8 top is clipped at 0: a ReLU without a slope changes nothing before that.
    """
    activation = layer.epilogue.activation if layer.epilogue else None
    if activation is None or (top == U8 and activation == ReLU()):
        return None
    return ACTIVATIONS[activation.type].part


@dataclass(frozen=True)
class Ends:
    """The values that a tile takes of both ends of its sums.

    Parameters
    ----------
    biases, multipliers : sequences of pointers
        Of each source.
    residual, y : pointers
    coefficients : pointer
    residual_scale, inverse : numbers
    """

    biases: Sequence[ir.Value]
    multipliers: Sequence[ir.Value]
    residual: ir.Value
    y: ir.Value
    coefficients: ir.Value
    residual_scale: ir.Value
    inverse: ir.Value

    @staticmethod
    def kinds(form: Form) -> tuple[Kind, ...]:
        """Return the kinds of these values, as a kernel passes them."""
        first = (Kind(form.sums, "pointer"), POINTER) * 2
        return (*first, *(Kind(e, "pointer") for e in (form.residual or REAL, form.top)), POINTER, NUMBER, NUMBER)

    @staticmethod
    def of(values: Sequence[ir.Value]) -> "Ends":
        """Return these values as `kinds` has them."""
        return Ends((values[0], values[2]), (values[1], values[3]), *values[4:])

    def further(self, b: VectorBuilder, filters: ir.Value, elements: ir.Value) -> "Ends":
        """Return the same so many filters later, which lie so many elements later in residual and y."""
        biases, multipliers = ([b.offset(each, filters) for each in own] for own in (self.biases, self.multipliers))
        residual, y = (b.offset(each, elements) for each in (self.residual, self.y))
        return replace(
            self,
            biases=biases,
            multipliers=multipliers,
            residual=residual,
            y=y,
            coefficients=b.offset(self.coefficients, filters),
        )


def tile_function(
    form: Form,
    target: Target,
    source: Callable[[Element], Sequence[Kind]],
    more: Sequence[Kind],
    emit: Callable[[WordBuilder, Sequence[Sequence[ir.Value]], Sequence[ir.Value], Ends], None],
) -> Any:
    """Return what a kernel calls to compute one tile.

    Parameters
    ----------
    form, target
    source : callable
        Element of a source -> kinds of what the tile takes of it; what it takes of a second one comes last.
    more : kinds
        What it takes beside sources and ends, between them.
    emit : callable
        (builder, what it takes of each source, what else, its `Ends`) -> None.
    """
    own, *second = (tuple(source(element)) for element in form.read)
    kinds = [own, tuple(more), Ends.kinds(form), *second]

    @emitted(VOID, *chain.from_iterable(kinds))
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        left = iter(args)
        first, others, ends, *last = ([*islice(left, len(each))] for each in kinds)
        emit(WordBuilder(irbuilder, target), [first, *last], others, Ends.of(ends))

    return tile


def emit_activation(b: VectorBuilder, form: Form, value: ir.Value, coefficient: ir.Value) -> ir.Value:
    """Return the activation of a value."""
    activation = activation_of((form.activation,)) if form.activation else None
    return activation.emit(b, value, coefficient) if activation else value


def has_own_coefficients(form: Form) -> bool:
    """Return whether each channel has a coefficient of its own."""
    activation: Activation | None = activation_of((form.activation,)) if form.activation else None
    return activation is not None and activation.per_channel
