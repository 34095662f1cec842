"""What a kernel family gives the plan, and the table that selects one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelSource, MakeBody
from xdn.codegen.target import Target
from xdn.element import REAL, Element
from xdn.errors import UnsupportedError
from xdn.graph.blob import Blob
from xdn.graph.layer import Layer
from xdn.graph.quantized import Quantized
from xdn.kernels.core.choice import ALGORITHMS, F32, RULE, Choice
from xdn.kernels.core.descriptor import Declared, Descriptor, over
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH, BlockLayout, Schedule
from xdn.kernels.core.parts import PartsLayout
from xdn.kernels.core.work import ALONE, Moved, Phase, Setting
from xdn.layers.window import Window
from xdn.registry import Registry


@dataclass(frozen=True)
class Reach:
    """Which rows of a bottom some rows of the top need: for rows a..b-1 those from a * stride - before to
    (b - 1) * stride + after, as far as there are such rows.

    Parameters
    ----------
    stride, before, after : int
        Rows of the bottom.
    """

    stride: int = 1
    before: int = 0
    after: int = 0

    @staticmethod
    def of(window: Window) -> "Reach":
        """Return the reach of a sliding window; a transposed one has none."""
        return Reach(window.stride[0], window.pad[0], window.extent[0] - 1 - window.pad[0])


@dataclass(frozen=True)
class Rows:
    """How a step is run for some rows of its top, and what these need.

    Parameters
    ----------
    height, unit : int
        Rows of the top, and how many of them are always computed together.
    tables : mapping
        Slot of a table, or of a blob, that is to begin later -> bytes that belong to a unit of rows.
    count : int
        Slot of the number of the tables' rows, or of the blob's positions.
    unit_count : int
        What a unit of rows adds to `count`.
    reads : mapping
        Slot of a bottom -> its rows that are read.
    writes : int
        Slot of the top.
    """

    height: int
    unit: int
    tables: Mapping[int, int]
    count: int
    unit_count: int
    reads: Mapping[int, Reach]
    writes: int

    @property
    def units(self) -> int:
        """Units of rows in all."""
        return -(-self.height // self.unit)

    def narrow(self, words: np.ndarray, first: np.ndarray, units: np.ndarray) -> None:
        """Make descriptors (calls, words) compute `units` units of rows each, from unit `first` on."""
        for slot, unit_bytes in self.tables.items():
            words[:, slot] += first * unit_bytes
        words[:, self.count] = units * self.unit_count


@dataclass(frozen=True, eq=False)
class Step:
    """One call of one kernel for each chunk of images.

    Parameters
    ----------
    source : KernelSource
        The kernel.
    descriptor : Descriptor
        What the kernel is told: sizes, and addresses of `keep`; slots of blobs are filled by the plan.
    macs : int
        Multiply-accumulates executed for one image.
    rows : Rows, optional
        The step can be run for some rows of its top; None where it takes all.
    """

    source: KernelSource
    descriptor: Descriptor
    macs: int = 0
    rows: Rows | None = None

    @property
    def words(self) -> np.ndarray:
        """(n,) int64: the descriptor's words."""
        return self.descriptor.words

    @property
    def blobs(self) -> Mapping[int, str]:
        """Slot of the descriptor -> blob whose place in the arena goes there."""
        return self.descriptor.blobs

    @property
    def scratch(self) -> Mapping[int, int]:
        """Slot of the descriptor -> bytes that the step needs for itself while it runs."""
        return self.descriptor.scratch

    @property
    def keep(self) -> tuple[np.ndarray, ...]:
        """Packed weights and tables that the descriptor points to."""
        return self.descriptor.keep

    @property
    def weight_bytes(self) -> int:
        """Bytes of packed weights and tables."""
        return sum(array.nbytes for array in self.keep)


@dataclass(frozen=True)
class Lowered:
    """How a layer is executed.

    Parameters
    ----------
    steps : sequence of Step
        In order.
    aliases : mapping
        Top -> bottom that it shares memory with: the same values at the same places.
    in_place : mapping
        Top -> bottom that it may overwrite where nobody reads that bottom later.
    """

    steps: Sequence[Step] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    in_place: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lowering:
    """What a family sees of one layer.

    Parameters
    ----------
    layer : Layer
    bottoms, tops : sequence of Blob
        What the epilogue reads is not among the bottoms.
    target : Target
    added : sequence of Blob
        What the epilogue reads: a residual, or what a fused projection reads.
    winograd : bool
        Whether convolutions may be computed with fewer multiplications and another rounding.
    weights : Element
        As what the weights of contractions are stored.
    schedule : Schedule
        How the blobs lie.
    exact : frozenset of str
        Blobs without padding.
    choice : Choice
        How the layer is computed, where several ways are legal.
    precision : str
        One of `PRECISIONS`: which algorithms are legal.
    parts : mapping
        Blob -> how its bf16 parts lie for all layers that read these; others lie as the layer needs them.
    setting : Setting
        For which rules compare these ways.
    """

    layer: Layer
    bottoms: Sequence[Blob]
    tops: Sequence[Blob]
    target: Target
    added: Sequence[Blob] = ()
    winograd: bool = True
    weights: Element = REAL
    schedule: Schedule = BATCH
    exact: frozenset[str] = frozenset()
    choice: Choice = RULE
    precision: str = F32
    parts: Mapping[str, PartsLayout] = field(default_factory=dict)
    setting: Setting = ALONE

    @property
    def params(self) -> Any:
        """The layer's parameters, of the class of its type."""
        return self.layer.params

    @property
    def elements(self) -> set[Element]:
        """The elements of all blobs."""
        return {blob.element for blob in (*self.bottoms, *self.tops, *self.added)}

    def bottom(self, index: int = 0) -> BlockLayout:
        """Return the layout of a bottom."""
        return self._layout(self.bottoms[index], self.layer.bottoms[index] in self.exact)

    def top(self, index: int = 0) -> BlockLayout:
        """Return the layout of a top."""
        return self._layout(self.tops[index])

    def projected(self) -> BlockLayout:
        """Return the layout of what a fused projection reads."""
        return self._layout(self.added[0], self.layer.bottoms[-1] in self.exact)

    def _layout(self, blob: Blob, exact: bool = False) -> BlockLayout:
        return BlockLayout.of(blob, self.target, self.schedule, exact)

    def words(self, declared: type[Declared], **own: Any) -> Declared:
        """Return the words that a class declares: `own`, and those of the first bottom and top, which have names."""
        layer, bottom, top = self.layer, self.bottom(), self.top()
        known = {
            "x": layer.bottoms[0],
            "y": layer.tops[0],
            "x_block": bottom.block_elements,
            "y_block": top.block_elements,
            "x_pitch": bottom.position_elements,
            "y_pitch": top.position_elements,
            "channels": bottom.channels,
            "positions": top.positions,
            "images": bottom.images,
        }
        return declared(**{name: value for name, value in known.items() if name in declared.fields} | own)

    @property
    def inverse(self) -> float:
        """The reciprocal of the scale of a top that is stored as integers; 0 of others."""
        how = self.layer.stored[0] if self.layer.stored else None
        return how.inverse if isinstance(how, Quantized) else 0.0

    @property
    def blob_bytes(self) -> float:
        """Bytes of a block of all blobs that the layer touches: what lies between two uses of one of them."""
        return sum(map(self._bytes, (*self.bottoms, *self.tops, *self.added)))

    @property
    def read(self) -> Moved:
        """What is read of the bottoms."""
        return Moved(sum(map(self._bytes, self.bottoms)), self.blob_bytes)

    @property
    def written(self) -> Moved:
        """What is written of the tops, and read of what is added to them.

        A line that is not in a cache is read before it is written; it goes back beside other work.
        """
        return Moved(sum(map(self._bytes, (*self.added, *self.tops))), self.blob_bytes)

    def moving(self, vector_cycles: float = 2.5, more_cycles: float = 0.0) -> tuple[Phase]:
        """Return the phase of a step that takes so many cycles for each vector of its tops, and more in all.

        The default is that of a vector which is loaded, mapped by a few operations, and stored.
        """
        vectors = sum(map(self._bytes, self.tops)) / self.target.vector_bytes
        return (Phase(vectors * vector_cycles + more_cycles, (self.read, self.written)),)

    def moving_bytes(self, vector_cycles: float) -> tuple[Phase]:
        """Return the phase of a step that takes so many cycles for each vector of bytes that its tops would be."""
        vectors = sum(self.top(number).block_elements for number in range(len(self.tops))) / self.target.vector_bytes
        return self.moving(0.0, vectors * vector_cycles)

    def _bytes(self, blob: Blob) -> float:
        return self._layout(blob).block_bytes

    def step(self, op: str, make: MakeBody, descriptor: Descriptor, *, serves_both: bool = False) -> Step:
        """Return the step of a kernel whose name needs no more than the schedule and the target.

        A kernel that `serves_both` schedules has one name in both.
        """
        element = self.tops[0].element
        name = KernelName(op if serves_both else self.schedule.op(op), self.target.name, element=element)
        return Step(kernel_source(name, make, over(type(descriptor), element)), descriptor)

    def over_residual(self) -> dict[str, str]:
        """Return the top -> the residual, in whose place it may be written; see `Lowered.in_place`."""
        return {self.layer.tops[0]: self.layer.residual} if self.layer.residual else {}

    def unsupported(self, why: str) -> UnsupportedError:
        """Return the error that says which layer cannot be executed, and why."""
        return UnsupportedError(why, where=f"layer {self.layer.name!r} ({self.layer.type})")


def packed_weights(lowering: Lowering) -> Footprint:
    """Return what the weights of a layer take that are packed as they are."""
    size = sum(array.nbytes for array in lowering.layer.weights.values())
    return Footprint(size, size)


@dataclass(frozen=True)
class Family:
    """A kernel family: the layers that it takes, and how it lowers them.

    Parameters
    ----------
    lower : callable
        Lowering -> Lowered.
    when : callable
        Lowering -> bool: whether the family takes this layer of its types.
    rank : int
        Where several families take a layer, the highest rank wins.
    types : tuple of str
        Layer types that it takes; none for all.
    fuses : bool
        Whether its kernels have epilogues.
    schedules : tuple of Schedule
        In which its kernels find blobs.
    elements : tuple of Element
        Of blobs that its kernels read and write, all of one; none where `when` decides.
    quantized : bool
        Whether it takes layers that read 8-bit integers, and none of f32; `when` says of which blobs.
    bf16 : bool
        Whether it takes layers that read bf16, and none of f32.
    scalars : bool
        Its kernels take single values of all bottoms but a residual, so that these need no padding.
    choices : callable
        Lowering -> the choices with which the family computes the layer, all that differ.
    footprint : callable
        Lowering -> about how much memory `lower` takes for what it keeps.
    parts : callable
        Lowering -> bottom -> how the bf16 parts of it lie that the kernels read in its stead, at the least.
    phases : callable
        Lowering -> what its steps take together, as a roofline sees it.
    """

    lower: Callable[[Lowering], Lowered]
    when: Callable[[Lowering], bool]
    rank: int
    types: tuple[str, ...]
    fuses: bool = False
    schedules: tuple[Schedule, ...] = (BATCH,)
    elements: tuple[Element, ...] = (REAL,)
    quantized: bool = False
    bf16: bool = False
    scalars: bool = False
    choices: Callable[[Lowering], Sequence[Choice]] = lambda lowering: (RULE,)
    footprint: Callable[[Lowering], Footprint] = packed_weights
    parts: Callable[[Lowering], Mapping[str, PartsLayout]] = lambda lowering: {}
    phases: Callable[[Lowering], tuple[Phase, ...]] = Lowering.moving
    __doc__: str = ""

    def takes(self, lowering: Lowering) -> bool:
        """Return whether the family executes the layer, with all that is fused to it."""
        layer = lowering.layer
        fits = lowering.schedule in self.schedules and (not self.types or layer.type in self.types)
        fits = fits and (self.fuses or layer.epilogue is None) and self._reads_as(layer)
        if layer.quantized:
            # Of f32 no kernel makes the integers, or the bf16, that a layer reads: the storage stage has them made.
            fits = fits and REAL not in {blob.element for blob in lowering.bottoms}
        elif self.elements:
            fits = fits and len(elements := lowering.elements) == 1 and elements.issubset(self.elements)
        return fits and self.when(lowering)

    def _reads_as(self, layer: Layer) -> bool:
        """Return whether its kernels read what the layer reads: f32, 8-bit integers or bf16."""
        if not layer.quantized:
            return not (self.quantized or self.bf16)
        return self.bf16 if layer.reads_bf16 else self.quantized


#: The selection table: every family by the name of its operation.
FAMILIES: Registry[Family] = Registry("kernel family", "xdn.kernels")


def family(
    name: str, *types: str, when: Callable[[Lowering], bool] = lambda lowering: True, rank: int = 0, **options: Any
) -> Callable[[Callable[[Lowering], Lowered]], Callable[[Lowering], Lowered]]:
    """Return a decorator that enters a lowering function into the table; `options` are further fields of `Family`."""

    def enter(lower: Callable[[Lowering], Lowered]) -> Callable[[Lowering], Lowered]:
        FAMILIES.register(name)(Family(lower, when, rank, types, **options, __doc__=lower.__doc__ or ""))
        return lower

    return enter


@cache
def _families_for(type_name: str) -> tuple[Family, ...]:
    """Return the families that may take layers of a type."""
    return tuple(family for _, family in FAMILIES.items() if not family.types or type_name in family.types)


def select(lowering: Lowering) -> Family:
    """Return the family that executes the layer; raise UnsupportedError where none does."""
    found = [f for f in _families_for(lowering.layer.type) if f.takes(lowering)]
    if not found:
        fused = " with what is fused to it" if lowering.layer.epilogue else ""
        stored = "" if lowering.elements == {REAL} else f" on {', '.join(sorted(e.name for e in lowering.elements))}"
        raise lowering.unsupported(f"no kernel executes this layer{fused}{stored}")
    return max(found, key=lambda f: f.rank)


def legal_choices(lowering: Lowering) -> list[Choice]:
    """Return all choices for the layer that differ from each other; one where there is nothing to choose."""
    found: dict[Choice, None] = {}
    for algorithm in ALGORITHMS:
        asked = replace(lowering, choice=Choice(algorithm))
        found |= dict.fromkeys(select(asked).choices(asked))
    return list(found)
