"""A layer of the graph."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from xdn.element import BF16
from xdn.errors import WeightsError, placed
from xdn.graph.blob import Array, Blob
from xdn.graph.epilogue import PROJECTION_PREFIX, Epilogue
from xdn.graph.params import LayerParams, Weights
from xdn.graph.quantized import Bf16, IntegerWeights, Quantized, Reading, WeightsOnly


@dataclass(frozen=True)
class ParamSpec:
    """What training does to one weight array of a layer (`param { lr_mult decay_mult }`); inference knows it not.

    Parameters
    ----------
    lr_mult, decay_mult : float
        Factors of the solver's learning rate and weight decay.
    """

    lr_mult: float = 1.0
    decay_mult: float = 1.0


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: its name, typed parameters, bottoms, tops and weights.

    Parameters
    ----------
    name : str
        Unique in the net.
    params : LayerParams
        Typed parameters; they carry the layer type and its rules.
    bottoms, tops : tuple of str
        Blob names.
    weights : mapping
        Name -> read-only f32 array, in the order of `params.weight_shapes`, then those of a fused activation and
        of a fused projection; empty where none were read.
    shared : tuple of str
        Names under which the weights are shared (`param { name: ... }`), ``""`` for none.
    epilogue : Epilogue, optional
        What post-fusion appended to the layer.
    param_specs : tuple of ParamSpec
        How training treats the weights, in their order; a weight beyond its end has the defaults.
    quantized : tuple of Quantized, of Bf16 or of WeightsOnly
        As what the layer reads its bottoms, in their order: 8-bit integers, bf16, or f32 that filters of integers
        multiply; empty where it computes with f32. But of bf16, that of a residual may be left out: it is read in f32
        then.
    stored : tuple of Quantized, Bf16 or None
        As what each top is stored, None where as f32; empty where all are. It follows from how the tops are read
        (`xdn.optimize.quantize.storage`), and is never written to a file.
    block : int
        Of how many numbers the blocks are of which the weight ``"weight"`` has few different ones, so that files hold
        it as a codebook (`xdn.graph.codebook`); 0 where it is a weight as any other.
    """

    name: str
    params: LayerParams
    bottoms: tuple[str, ...] = ()
    tops: tuple[str, ...] = ()
    weights: Weights = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    epilogue: Epilogue | None = None
    param_specs: tuple[ParamSpec, ...] = ()
    quantized: tuple[Reading, ...] = ()
    stored: tuple[Reading | None, ...] = ()
    block: int = 0

    def __post_init__(self) -> None:
        for array in self.weights.values():
            array.flags.writeable = False
        # The order of a file's blobs, in whatever order activation and projection were fused.
        ordered = sorted(self.weights.items(), key=lambda item: item[0].startswith(PROJECTION_PREFIX))
        object.__setattr__(self, "weights", MappingProxyType(dict(ordered)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy the fields, the weights as a plain dict, which a new layer makes read-only again."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return type(self), tuple((values | {"weights": dict(self.weights)}).values())

    @property
    def type(self) -> str:
        """The Caffe layer type, such as ``"Convolution"``."""
        return self.params.type

    @property
    def place(self) -> str:
        """The layer as errors name it."""
        return f"layer {self.name!r} ({self.type})"

    @property
    def own_bottoms(self) -> tuple[str, ...]:
        """The bottoms without the one that an epilogue reads."""
        return self.bottoms[:-1] if self.epilogue is not None and self.epilogue.reads else self.bottoms

    @property
    def added_bottoms(self) -> tuple[str, ...]:
        """The bottom that an epilogue reads, a residual or what it projects; empty where none does."""
        return self.bottoms[len(self.own_bottoms) :]

    @property
    def residual(self) -> str | None:
        """The bottom that an epilogue adds to the result, None where none does."""
        return self.bottoms[-1] if self.epilogue is not None and self.epilogue.residual else None

    @property
    def projection(self) -> LayerParams | None:
        """The parameters of a fused projection, None where there is none."""
        return self.epilogue.projection if self.epilogue is not None else None

    @property
    def integers(self) -> tuple[Quantized, ...]:
        """As what 8-bit integers the layer reads its bottoms; empty where it reads f32 or bf16."""
        return tuple(how for how in self.quantized if isinstance(how, Quantized))

    @property
    def integer_weights(self) -> tuple[IntegerWeights, ...]:
        """As what the layer reads the bottoms that integers times scales multiply; empty where its filters are f32."""
        return tuple(how for how in self.quantized if not isinstance(how, Bf16))

    @property
    def rounds_weights_only(self) -> bool:
        """Whether the layer reads f32, and its filters are integers times scales."""
        return any(isinstance(how, WeightsOnly) for how in self.quantized)

    @property
    def reads_bf16(self) -> bool:
        """Whether the layer reads its bottoms, and its filters, in bf16."""
        return any(isinstance(how, Bf16) for how in self.quantized)

    @property
    def reads(self) -> str:
        """What the layer computes with, in words."""
        if self.rounds_weights_only:
            return "weights of few bits"
        return "8-bit integers" if self.integers else "bf16" if self.reads_bf16 else "f32"

    def replace(self, **changes: Any) -> "Layer":
        """Return a copy with `changes` made."""
        return replace(self, **changes)

    def _moves(self, bottoms: Sequence[Array]) -> bool:
        """Return whether the layer moves the values of such bottoms, and does nothing else."""
        return self.epilogue is None and self.params.moves_only([Blob(x.shape) for x in bottoms])

    def forward(self, bottoms: Sequence[Array]) -> tuple[Array, ...]:
        """Compute the tops with the NumPy reference, epilogue included.

        A layer that reads 8-bit integers, or bf16, makes them of f32 bottoms; the same tops follow from these. One that
        hands bf16 on computes with what its bits stand for, or moves the bits.
        """
        own, read = len(self.own_bottoms), self.quantized
        if not read and any(x.dtype == BF16.numpy for x in bottoms) and not self._moves(bottoms):
            carried = replace(self, quantized=(Bf16(),) * len(bottoms), stored=(Bf16(),) * len(self.tops))
            return carried.forward(bottoms)
        taken = [*(how.read(x) for how, x in zip(read, bottoms, strict=False)), *bottoms[len(read) :]]
        with placed(self.place, WeightsError):
            tops = self.params.forward(taken[:own], read[:own], self.weights, len(self.tops))
            if self.epilogue is not None:
                tops = (self.epilogue.apply(tops[0], taken[own:], self.weights, read[own:]), *tops[1:])
        return tuple(
            top if how is None else how.read(top)
            for top, how in zip(tops, self.stored or (None,) * len(tops), strict=True)
        )
