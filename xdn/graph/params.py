"""What each layer type must say of itself: its parameters, and the rules that follow from them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from xdn.element import BF16
from xdn.graph.blob import Array, Blob, Shape
from xdn.graph.channels import ChannelAxis, ChannelRule, Move, WeightAxes
from xdn.graph.quantized import Quantized, Reading, WeightsOnly

#: The blobs that a layer reads, and their values.
Blobs = Sequence[Blob]
Arrays = Sequence[Array]
#: Weights by name.
Weights = Mapping[str, Array]
#: Some positions of a blob (N, C, H, W): every how many rows and columns one is meant, from the first one on.
Stride = tuple[int, int]
EVERY: Stride = (1, 1)


class LayerParams(ABC):
    """The parameters and the rules of one layer type; each type is a frozen dataclass in `xdn/layers`."""

    type: ClassVar[str]
    #: The rule that the type follows where its parameters do not call for another (`channel_rule_for`).
    channel_rule: ClassVar[ChannelRule] = ChannelRule.FIXED
    #: True where every top element depends on the bottom element at its own place only, so that the
    #: layer may overwrite its bottom (Caffe's in-place layers).
    elementwise: ClassVar[bool] = False
    #: True for the layers whose tops the caller fills.
    is_input: ClassVar[bool] = False
    #: True where the tops depend on the bottoms' shapes only, not on their values.
    reads_shapes_only: ClassVar[bool] = False
    #: True where every top element is a probability by itself, of something that is so or not.
    yes_or_no: ClassVar[bool] = False
    #: What `moves_only`, `jumps` and `keeps_positions` say of a layer, whatever its parameters.
    always_moves: ClassVar[bool] = False
    always_jumps: ClassVar[bool] = False
    always_keeps_positions: ClassVar[bool] = False
    #: What `why_fixed` says, whatever the bottoms.
    fixed_because: ClassVar[str] = "mixes its channels, or counts on their number or order"
    #: True for the activations that the layer before them can apply to its result (`Epilogue`).
    fusable: ClassVar[bool] = False
    #: True for the activations that have the same bits on all processors: no value is rounded more than once.
    same_bits: ClassVar[bool] = False
    #: True for the layers that can read their bottoms in bf16.
    has_bf16_form: ClassVar[bool] = False

    @property
    def filter_count(self) -> int:
        """How many filters the layer has; 0 where it has none."""
        return 0

    @abstractmethod
    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Return the tops' blobs; ShapeError where the bottoms do not fit, UnsupportedError where XDN has no rule."""

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Return name -> axes of the weights, in the order of Caffe's blobs."""
        return {}

    def weight_shapes(self, bottoms: Blobs) -> dict[str, Shape]:
        """Return name -> shape of the weights, in the order of Caffe's blobs."""
        return {
            name: tuple(axis if isinstance(axis, int) else axis.extent for axis in axes)
            for name, axes in self.weight_axes(bottoms).items()
        }

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

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """Return the multiply-accumulates of all images of the batch, padding counted as data."""
        return 0

    @abstractmethod
    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Compute the tops in NumPy as Caffe does, f32 in and out; the oracle of every kernel."""

    def quantized_reference(
        self, bottoms: Arrays, read: Sequence[Quantized], weights: Weights, n_tops: int
    ) -> tuple[Array, ...]:
        """Compute the f32 tops from 8-bit integers, to the bit as every kernel does; by default from their values."""
        return self.reference([how.values(x) for how, x in zip(read, bottoms, strict=True)], weights, n_tops)

    def forward(self, bottoms: Arrays, read: Sequence[Reading], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Compute the f32 tops from bottoms that hold what `read` says, f32 where it is empty.

        Of values in bf16 the formula is that of f32; filters are rounded to bf16, too, and biases are not.
        """
        integers = [how for how in read if isinstance(how, Quantized)]
        if integers:
            return self.quantized_reference(bottoms, integers, weights, n_tops)
        if read and isinstance(read[0], WeightsOnly):
            weights = self.with_integer_filters(weights, read[0])
        elif read and self.filter_count:
            weights = {**weights, "weight": BF16.rounded(weights["weight"])}
        values = [how.values(x) for how, x in zip(read, bottoms, strict=True)] if read else bottoms
        return self.reference(values, weights, n_tops)

    def with_integer_filters(self, weights: Weights, read: WeightsOnly) -> Weights:
        """Return, for a layer with filters, its weights with these rounded to integers times their scales."""
        raise NotImplementedError(f"{self.type} has no filters")

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """Return about how many bytes `reference` takes for itself while it computes; by default twice the blobs'."""
        return 2 * sum(blob.bytes for blob in (*bottoms, *tops))

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """Return the rule for these parameters and bottoms: the type's own, FIXED where there are no channels."""
        return self.channel_rule if all(len(b.shape) > 1 for b in bottoms) else ChannelRule.FIXED

    def channel_map(self, bottom: int, bottoms: Blobs) -> Array:
        """Return, for a CARRIED layer, the channel of `bottom` that each top channel carries, -1 for none."""
        return np.arange(bottoms[bottom].shape[1])

    def carried_part(self, top: int, n_tops: int, bottoms: Blobs) -> slice:
        """Return, for a CARRIED layer, which part of `channel_map` one of its tops has; each has all by default."""
        return slice(None)

    def bound_channels(self, bottoms: Blobs) -> Array:
        """Return, for a CARRIED layer, labels of the first bottom's channels: those of one label go together only.

        By default each has a label of its own.
        """
        return np.arange(bottoms[0].shape[1])

    def carrying(self, tops: Sequence[int], bottoms: Blobs) -> "LayerParams":
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

    def why_fixed(self, bottoms: Blobs) -> str:
        """Return why the rule is FIXED, a clause without its subject."""
        return self.fixed_because

    def tied_channels(self, bottoms: Blobs) -> tuple[Array, Array]:
        """Return, for a FILTERS layer, labels of the top's and of the bottom's channels.

        Removing one channel removes all of its label, on both sides. By default each has a label of its own.
        """
        top, bottom = (self.infer(bottoms, 1)[0].shape[1], bottoms[0].shape[1])
        return np.arange(top), top + np.arange(bottom)

    def weight_channels(self, bottoms: Blobs) -> dict[str, tuple[ChannelAxis | None, ...]]:
        """Return weight name -> for each of its axes, which channels it runs over, None where over none."""
        return {
            name: tuple(axis if isinstance(axis, ChannelAxis) else None for axis in axes)
            for name, axes in self.weight_axes(bottoms).items()
        }

    def narrowed(self, top: int, bottom: int, bottoms: Blobs) -> "LayerParams":
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

    def joins_images(self, bottoms: Blobs) -> bool:
        """Return whether what the layer gives for an image depends on the other images of the batch."""
        return False

    def jumps(self, n_tops: int) -> bool:
        """Return whether tops change all at once where a bottom moves little: indices, comparisons, regions chosen."""
        return self.always_jumps

    def moves_only(self, bottoms: Blobs) -> bool:
        """Return whether every top element is some bottom element, or zero, whatever the values.

        `reference` then takes arrays of any dtype, and moves what it is given.
        """
        return self.always_moves

    def selects_only(self, bottoms: Blobs, n_tops: int) -> bool:
        """Return whether every top element is some bottom element, or zero, by its place or as the largest of several.

        Values may then be quantized before the layer or after it, to the same integers.
        """
        return self.moves_only(bottoms)

    def only_cuts_off(self, read: Quantized) -> bool:
        """Return whether the bottom has the integers of the top, since all that changes is beyond their range."""
        return False

    def why_real(self, bottoms: Blobs) -> str | None:
        """Return why the layer cannot read 8-bit integers, a clause without its subject; None where it can."""
        return None if self.same_bits else "has no 8-bit form"

    def why_no_bf16(self, bottoms: Blobs) -> str | None:
        """Return why the layer cannot read its bottoms in bf16, a clause without its subject; None where it can."""
        return None if self.has_bf16_form else "has no bf16 form"

    def products(self, bottoms: Blobs) -> int:
        """Return of how many products of a value and a weight each top element is the sum; 0 of none."""
        return 0

    def distribution(self, bottoms: Blobs) -> int:
        """Return of how many classes the top holds probabilities that sum up to 1, such as Softmax's; 0 of none."""
        return 0

    def picks_among(self, bottoms: Blobs) -> int:
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

    def keeps_positions(self, bottoms: Blobs) -> bool:
        """Return whether top position (h, w) depends on position (h, w) of the bottoms only, everywhere by one rule."""
        return self.always_keeps_positions

    def positions_read(self, stride: Stride, bottoms: Blobs) -> Stride:
        """Return which positions of the bottoms matter where every `stride`-th position of the top does."""
        return stride if self.keeps_positions(bottoms) else EVERY

    def strided(self, top: Stride, bottom: Stride, bottoms: Blobs) -> "LayerParams | None":
        """Return the parameters that compute every `top`-th position from every `bottom`-th one of the bottoms.

        None where no parameters do; `bottoms` are the blobs with all their positions.
        """
        return self if top == bottom and (top == EVERY or self.keeps_positions(bottoms)) else None
