"""A layer of the graph, and what each layer type must say of itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from xdn.errors import ShapeError
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
    #: Top channel t carries channel `channel_map(bottom)[t]` of each bottom; removing one removes the other. Where a
    #: layer cuts its bottom in parts, each top carries its part of them.
    CARRIED = "carried"
    #: Channels can be neither removed nor moved without changing what the layer means.
    FIXED = "fixed"


class Side(Enum):
    """Whose channels an axis of a weight runs over."""

    TOP = "top"
    BOTTOM = "bottom"


@dataclass(frozen=True, eq=False)
class ChannelAxis:
    """An axis of a weight that runs over channels.

    Parameters
    ----------
    side : Side
        Of the layer's top, or of its only bottom.
    channels : (extent,) int
        The channel that each entry along the axis belongs to.
    """

    side: Side
    channels: Array


@dataclass(frozen=True, eq=False)
class Move:
    """Where the channels of a layer's only bottom lie in its only top, along whatever axis of each.

    Parameters
    ----------
    axis : int
        Of the top.
    channels : (extent,) int
        The label of each entry along it.
    labels : (C,) int
        The labels, from 0 on, of the bottom's channels; those of one label go together only.
    """

    axis: int
    channels: Array
    labels: Array


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
    #: True where the tops depend on the bottoms' shapes only, not on their values.
    reads_shapes_only: ClassVar[bool] = False
    #: True where every top element is a probability by itself, of something that is so or not.
    yes_or_no: ClassVar[bool] = False
    #: True for the activations that the layer before them can apply to its result (`Epilogue`).
    fusable: ClassVar[bool] = False

    @abstractmethod
    def infer(self, bottoms: Sequence[Blob], n_tops: int) -> tuple[Blob, ...]:
        """Return the tops' blobs; ShapeError where the bottoms do not fit, UnsupportedError where XDN has no rule."""

    def weight_shapes(self, bottoms: Sequence[Blob]) -> dict[str, Shape]:
        """Return name -> shape of the weights, in the order of Caffe's blobs."""
        return {}

    def params_for(self, count: int) -> "LayerParams | None":
        """Return the parameters of the variant of this layer that has `count` weights, None where no variant has.

        Where forks of Caffe differ, a file's weights tell the variant better than its text does.
        """
        return None

    def stored_order(self, sizes: Sequence[int]) -> Sequence[int | None] | None:
        """Return where each weight stands among those of a file, which have `sizes` elements; None where in order.

        None in a place says that the file has no such weight: it is 1.
        """
        return None

    def macs(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> int:
        """Return the multiply-accumulates of all images of the batch, padding counted as data."""
        return 0

    @abstractmethod
    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Compute the tops in NumPy as Caffe does, f32 in and out; the oracle of every kernel."""

    def reference_bytes(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> int:
        """Return about how many bytes `reference` takes for itself while it computes; by default twice the blobs'."""
        return 2 * sum(blob.bytes for blob in (*bottoms, *tops))

    def channel_rule_for(self, bottoms: Sequence[Blob]) -> ChannelRule:
        """Return the rule for these parameters and bottoms: the type's own, FIXED where there are no channels."""
        return self.channel_rule if all(len(b.shape) > 1 for b in bottoms) else ChannelRule.FIXED

    def channel_map(self, bottom: int, bottoms: Sequence[Blob]) -> Array:
        """Return, for a CARRIED layer, the channel of `bottom` that each top channel carries, -1 for none."""
        return np.arange(bottoms[bottom].shape[1])

    def carried_part(self, top: int, n_tops: int, bottoms: Sequence[Blob]) -> slice:
        """Return, for a CARRIED layer, which part of `channel_map` one of its tops has; each has all by default."""
        return slice(None)

    def bound_channels(self, bottoms: Sequence[Blob]) -> Array:
        """Return, for a CARRIED layer, labels of the first bottom's channels: those of one label go together only.

        By default each has a label of its own.
        """
        return np.arange(bottoms[0].shape[1])

    def carrying(self, tops: Sequence[int], bottoms: Sequence[Blob]) -> "LayerParams":
        """Return, for a CARRIED layer, the parameters for so many channels left of each top.

        `bottoms` are the blobs with all their channels.
        """
        return self

    def moved(self, axis: int, bottom: Blob) -> Move | None:
        """Return where the channels lie that lie along `axis` of the only bottom; None where they cannot be followed.

        It is asked where they do not lie along axis 1, or the rule is FIXED. By default a layer without weights that
        maps each element on its own leaves them.
        """
        leaves = self.elementwise and self.channel_rule is ChannelRule.CARRIED and not self.weight_shapes([bottom])
        if not leaves or axis == 1:
            return None
        return Move(axis, np.arange(bottom.shape[axis]), np.arange(bottom.shape[axis]))

    def moving(self, axis: int, left: int, bottom: Blob) -> "LayerParams":
        """Return the parameters for so many entries left along the axis of the top that `moved` names."""
        return self

    def why_fixed(self, bottoms: Sequence[Blob]) -> str:
        """Return why the rule is FIXED, a clause without its subject."""
        return "mixes its channels, or counts on their number or order"

    def tied_channels(self, bottoms: Sequence[Blob]) -> tuple[Array, Array]:
        """Return, for a FILTERS layer, labels of the top's and of the bottom's channels.

        Removing one channel removes all of its label, on both sides. By default each has a label of its own.
        """
        top, bottom = (self.infer(bottoms, 1)[0].shape[1], bottoms[0].shape[1])
        return np.arange(top), top + np.arange(bottom)

    def weight_channels(self, bottoms: Sequence[Blob]) -> dict[str, tuple[ChannelAxis | None, ...]]:
        """Return weight name -> for each of its axes, which channels it runs over, None where over none."""
        return {}

    def narrowed(self, top: int, bottom: int, bottoms: Sequence[Blob]) -> "LayerParams":
        """Return, for a FILTERS layer, the parameters for `top` channels left of the top and `bottom` of the bottom's.

        `bottoms` are the blobs with all their channels.
        """
        return self

    def filters(self, weight: Array) -> Array:
        """Return, for a FILTERS layer, its weight as filters (K, what each is multiplied with), group after group."""
        raise NotImplementedError(f"{self.type} has no filters")

    def weight_of(self, filters: Array) -> Array:
        """Return the weight whose `filters` these are, in whatever shape the axes after K are given."""
        raise NotImplementedError(f"{self.type} has no filters")

    def columns(self, bottom: Array, rows: Array) -> Array:
        """Return, for a FILTERS layer, what its filters are multiplied with for some outputs: (G, M, inputs).

        `rows` (M,) numbers the elements of one channel of the top, all images one after another.
        """
        raise NotImplementedError(f"{self.type} has no filters")

    def joins_images(self, bottoms: Sequence[Blob]) -> bool:
        """Return whether what the layer gives for an image depends on the other images of the batch."""
        return False

    def jumps(self, n_tops: int) -> bool:
        """Return whether tops change all at once where a bottom moves little: indices, comparisons, regions chosen."""
        return False

    def moves_only(self, bottoms: Sequence[Blob]) -> bool:
        """Return whether every top element is some bottom element, or zero, whatever the values.

        `reference` then takes arrays of any dtype, and moves what it is given.
        """
        return False

    def distribution(self, bottoms: Sequence[Blob]) -> int:
        """Return of how many classes the top holds probabilities that sum up to 1, such as Softmax's; 0 of none."""
        return 0

    def picks_among(self, bottoms: Sequence[Blob]) -> int:
        """Return among how many values the top names the place of the largest, such as ArgMax; 0 where it does not."""
        return 0

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """Return made-up values for the bottom number `bottom` where not any number will do; None where any will.

        Parameters
        ----------
        bottom : int
        shape : tuple of int
            The bottom's.
        image : (height, width)
            Of the images that the net reads.
        rng : Generator
        """
        return None

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


#: What the names of a fused projection's weights begin with.
PROJECTION_PREFIX = "projection."


@dataclass(frozen=True)
class Epilogue:
    """What a fused layer does to its result before the only store: add a residual or a projection, then activate.

    Parameters
    ----------
    residual : bool
        The layer's last bottom is added to the result.
    activation : LayerParams, optional
        The parameters of a `fusable` layer type; its weights (PReLU's slope) stand among those of the fused layer.
    projection : LayerParams, optional
        The parameters of a convolution: what it makes of the layer's last bottom is added to the result. Its weights
        stand among those of the fused layer, their names after `PROJECTION_PREFIX`. It excludes a residual.
    """

    residual: bool = False
    activation: LayerParams | None = None
    projection: LayerParams | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """What is done, in its order: ``"sum"`` or ``"projection"``, the activation's layer type."""
        projection = () if self.projection is None else ("projection",)
        activation = () if self.activation is None else (self.activation.type,)
        return ("sum",) * self.residual + projection + activation

    @property
    def reads(self) -> bool:
        """Whether the layer's last bottom is the epilogue's."""
        return self.residual or self.projection is not None

    def check(self, tops: Sequence[Blob], added: Sequence[Blob]) -> None:
        """Raise ShapeError where the epilogue does not fit the layer's tops and the bottom `added` that it reads."""
        if not tops or len(added) != self.reads:
            raise ShapeError(f"something is fused to a layer that has no {'bottom' if tops else 'top'} for it")
        top = tops[0]
        if self.residual and self.projection is not None:
            raise ShapeError("a residual and a projection are fused; a layer adds one of them")
        if self.activation is not None:
            self.activation.infer([top], 1)
        what, shapes = "residual", [blob.shape for blob in added]
        if self.projection is not None:
            what, shapes = "projection", [blob.shape for blob in self.projection.infer(added, 1)]
        if any(shape != top.shape for shape in shapes):
            raise ShapeError(f"the {what}'s shape {shapes[0]} is not {top.shape}")

    def weight_shapes(self, top: Blob, added: Sequence[Blob]) -> dict[str, Shape]:
        """Return name -> shape of the weights that the epilogue needs: the activation's, then the projection's."""
        shapes = {} if self.activation is None else self.activation.weight_shapes([top])
        if self.projection is None:
            return shapes
        return shapes | prefixed(self.projection.weight_shapes(added))

    def macs(self, top: Blob, added: Sequence[Blob]) -> int:
        """Return the projection's multiply-accumulates; see `LayerParams.macs`."""
        return 0 if self.projection is None else self.projection.macs(added, [top])

    def apply(self, result: Array, added: Sequence[Array], weights: Weights) -> Array:
        """Return the result with the residual or the projection of `added` added, and the activation applied."""
        if self.projection is not None:
            added = self.projection.reference(added, projection_weights(weights), 1)
        for each in added:
            result = result + each
        if self.activation is not None:
            (result,) = self.activation.reference([result], weights, 1)
        return result


def prefixed(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a projection names under the names that it has in the fused layer."""
    return {PROJECTION_PREFIX + name: value for name, value in named.items()}


def projection_weights(weights: Weights) -> dict[str, Array]:
    """Return the weights of a fused projection, out of those of its layer, under their own names."""
    return {
        name.removeprefix(PROJECTION_PREFIX): array
        for name, array in weights.items()
        if name.startswith(PROJECTION_PREFIX)
    }


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
    """

    name: str
    params: LayerParams
    bottoms: tuple[str, ...] = ()
    tops: tuple[str, ...] = ()
    weights: Weights = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    epilogue: Epilogue | None = None
    param_specs: tuple[ParamSpec, ...] = ()

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

    def replace(self, **changes: Any) -> "Layer":
        """Return a copy with `changes` made."""
        return replace(self, **changes)

    def forward(self, bottoms: Sequence[Array]) -> tuple[Array, ...]:
        """Compute the tops with the NumPy reference, epilogue included."""
        own = len(self.own_bottoms)
        tops = self.params.reference(bottoms[:own], self.weights, len(self.tops))
        if self.epilogue is None:
            return tops
        return (self.epilogue.apply(tops[0], bottoms[own:], self.weights), *tops[1:])
