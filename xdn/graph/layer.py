"""A layer of the graph, and what each layer type must say of itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from xdn.graph.blob import Blob, Shape

Array = np.ndarray
Weights = Mapping[str, Array]
#: Some positions of a blob (N, C, H, W): every how many rows and columns one is meant, from the first one on.
Stride = tuple[int, int]
EVERY: Stride = (1, 1)


class ChannelRule(Enum):
    """How a layer's top channels relate to its bottom channels (what pruning must know)."""

    #: The top's channels are the layer's own filters; each may read every bottom channel (of its group).
    FILTERS = "filters"
    #: Top channel t carries channel `channel_map(bottom)[t]` of each bottom; removing one removes the other.
    CARRIED = "carried"
    #: Channels can be neither removed nor moved without changing what the layer means.
    FIXED = "fixed"


class LayerParams(ABC):
    """The parameters and the rules of one layer type; each type is a frozen dataclass in `xdn/layers`."""

    type: ClassVar[str]
    #: The rule that the type follows as a rule; parameters may call for another (`channel_rule_for`).
    channel_rule: ClassVar[ChannelRule]
    #: True where every top element depends on the bottom element at its own place only, so that the
    #: layer may overwrite its bottom (Caffe's in-place layers).
    elementwise: ClassVar[bool] = False
    #: True for the layers whose tops the caller fills.
    is_input: ClassVar[bool] = False
    #: True for the activations that the layer before them can apply to its result (`Epilogue`).
    fusable: ClassVar[bool] = False

    @abstractmethod
    def infer(self, bottoms: Sequence[Blob], n_tops: int) -> tuple[Blob, ...]:
        """Return the tops' blobs; ShapeError where the bottoms do not fit, UnsupportedError where XDN has no rule."""

    def weight_shapes(self, bottoms: Sequence[Blob]) -> dict[str, Shape]:
        """Return name -> shape of the weights, in the order of Caffe's blobs."""
        return {}

    def macs(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> int:
        """Return the multiply-accumulates of all images of the batch, padding counted as data."""
        return 0

    @abstractmethod
    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Compute the tops in NumPy as Caffe does, f32 in and out; the oracle of every kernel."""

    def channel_rule_for(self, bottoms: Sequence[Blob]) -> ChannelRule:
        """Return the rule for these parameters and bottoms: the type's own, FIXED where there are no channels."""
        return self.channel_rule if all(len(b.shape) > 1 for b in bottoms) else ChannelRule.FIXED

    def channel_map(self, bottom: int, bottoms: Sequence[Blob]) -> Array:
        """Return, for a CARRIED layer, the channel of `bottom` that each top channel carries, -1 for none."""
        return np.arange(bottoms[bottom].shape[1])

    def keeps_positions(self, bottoms: Sequence[Blob]) -> bool:
        """Return whether top position (h, w) depends on position (h, w) of the bottoms only, everywhere by one rule."""
        return False

    def positions_read(self, stride: Stride, bottoms: Sequence[Blob]) -> Stride:
        """Return which positions of the bottoms matter where every `stride`-th position of the top does."""
        return stride if self.keeps_positions(bottoms) else EVERY

    def strided(self, top: Stride, bottom: Stride, bottoms: Sequence[Blob]) -> "LayerParams | None":
        """Return the parameters that compute every `top`-th position from every `bottom`-th one of the bottoms.

        None where no parameters do; `bottoms` are the blobs with all their positions.
        """
        return self if top == bottom and (top == EVERY or self.keeps_positions(bottoms)) else None


@dataclass(frozen=True)
class Epilogue:
    """What a fused layer does to its result before the only store: add a residual, then activate.

    Parameters
    ----------
    residual : bool
        The layer's last bottom is added to the result.
    activation : LayerParams, optional
        The parameters of a `fusable` layer type; its weights (PReLU's slope) stand among those of the fused layer.
    """

    residual: bool = False
    activation: LayerParams | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """What is done, in its order: ``"sum"``, the activation's layer type."""
        activation = () if self.activation is None else (self.activation.type,)
        return ("sum",) * self.residual + activation

    def apply(self, result: Array, residual: Array | None, weights: Weights) -> Array:
        """Return the result with the residual added and the activation applied."""
        if residual is not None:
            result = result + residual
        if self.activation is not None:
            (result,) = self.activation.reference([result], weights, 1)
        return result


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
        Name -> read-only f32 array, in the order of `params.weight_shapes`, then those of a fused activation;
        empty where none were read.
    shared : tuple of str
        Names under which the weights are shared (`param { name: ... }`), ``""`` for none.
    epilogue : Epilogue, optional
        What post-fusion appended to the layer.
    """

    name: str
    params: LayerParams
    bottoms: tuple[str, ...] = ()
    tops: tuple[str, ...] = ()
    weights: Weights = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    epilogue: Epilogue | None = None

    def __post_init__(self) -> None:
        for array in self.weights.values():
            array.flags.writeable = False
        object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))

    @property
    def type(self) -> str:
        """The Caffe layer type, such as ``"Convolution"``."""
        return self.params.type

    @property
    def own_bottoms(self) -> tuple[str, ...]:
        """The bottoms without the residual that an epilogue adds."""
        return self.bottoms[:-1] if self.residual else self.bottoms

    @property
    def residual(self) -> str | None:
        """The bottom that an epilogue adds to the result, None where none does."""
        return self.bottoms[-1] if self.epilogue is not None and self.epilogue.residual else None

    def replace(self, **changes: Any) -> "Layer":
        """Return a copy with `changes` made."""
        return replace(self, **changes)

    def forward(self, bottoms: Sequence[Array]) -> tuple[Array, ...]:
        """Compute the tops with the NumPy reference, epilogue included."""
        own = len(self.own_bottoms)
        tops = self.params.reference(bottoms[:own], self.weights, len(self.tops))
        if self.epilogue is None:
            return tops
        residual = bottoms[own] if self.epilogue.residual else None
        return (self.epilogue.apply(tops[0], residual, self.weights), *tops[1:])
