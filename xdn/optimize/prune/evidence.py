"""What criteria look at: weights with the fusion's factors in them, activations of calibration images, gradients."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from xdn.graph import Array, ChannelAxis, Layer, Net, Side
from xdn.optimize.check import Arrays
from xdn.optimize.pipeline import apply_stages
from xdn.optimize.prune.channels import Channels, Group
from xdn.optimize.prune.instruments import Gradients, Instruments, given
from xdn.optimize.prune.ties import axis_on
from xdn.optimize.stage import PLAIN, stage_names


@dataclass(frozen=True, eq=False)
class Rows:
    """What a layer has of each unit of a group.

    Parameters
    ----------
    layer : Layer
    values : (R, E) f32
        One row a channel.
    unit : (R,) int
        The place in `Group.units` of the unit that each row belongs to.
    units : int
        Units of the group.
    """

    layer: Layer
    values: Array
    unit: Array
    units: int

    def total(self, scores: Array) -> Array:
        """Return for each unit (U,) the sum of its rows' scores (R,)."""
        return np.bincount(self.unit, weights=scores, minlength=self.units)


class Evidence:
    """The net that is pruned, and what is known of it.

    Parameters
    ----------
    channels : Channels
        Of a net with weights.
    instruments : Instruments, optional
        Calibration images for the criteria that look at activations, gradients for those that need them.
    seed : int
        Of what criteria draw at random.
    """

    def __init__(self, channels: Channels, instruments: Instruments | None = None, seed: int = 0):
        channels.net.require_weights()
        self.channels, self.net, self.seed = channels, channels.net, seed
        self._instruments = instruments or Instruments()
        #: Runs a net and keeps every blob.
        self.forward = self._instruments.forward

    @cached_property
    def folded(self) -> Net:
        """The net once plain fusion has run: BatchNorm's and Scale's factors are in the filters."""
        return apply_stages(self.net, stage_names(PLAIN))

    @property
    def images(self) -> Arrays:
        """Input name -> calibration images."""
        return given(self._instruments.images, "calibration images")

    @cached_property
    def activations(self) -> Arrays:
        """Every blob of the net on the calibration images."""
        return self.forward(self.net, self.images)

    @cached_property
    def gradients(self) -> tuple[Gradients, ...]:
        """The gradients of each batch."""
        return tuple(given(self._instruments.gradients, "gradients on labelled images")(self.net))

    def weights(self, group: Group) -> dict[str, Array]:
        """Return layer's name -> its weight, the factors that fusion folds into it included, for the group's layers."""
        folded = {layer.name: layer for layer in self.folded.layers}
        return {name: folded.get(name, self.net.layer(name)).weights["weight"] for name in group.filters}

    def filters(self, group: Group, values: Mapping[str, Array]) -> Iterator[Rows]:
        """Yield the filters of each layer of the group: its `values`, of the shape of its weight, cut."""
        for name, array in values.items():
            yield self.rows(group, self.net.layer(name), "weight", array)

    def sums(self, group: Group, values: Mapping[str, Array]) -> Array:
        """Return for each unit (U,) the sum of `values`, as `filters` takes them, over its filters of all layers."""
        found = (rows.total(rows.values.sum(axis=1)) for rows in self.filters(group, values))
        return sum(found, np.zeros(len(group.units)))

    def has_rows(self, layer: Layer, weight: str) -> bool:
        """Return whether a weight of `layer` has an axis along the channels of the layer's top."""
        return any(axis is not None and axis.side is Side.TOP for axis in self._axes(layer).get(weight, ()))

    def rows(self, group: Group, layer: Layer, weight: str, values: Array) -> Rows:
        """Return `values`, of the shape of a weight, cut along the channels of the layer's top."""
        number, axis = axis_on(self._axes(layer)[weight], Side.TOP)
        place = self.places(group, layer, axis)
        flat = np.moveaxis(values, number, 0).reshape(len(place), -1)
        return Rows(layer, flat[place >= 0], place[place >= 0], len(group.units))

    def input_axis(self, layer: Layer) -> tuple[Array, ChannelAxis]:
        """Return the weights of a reader with the axis of its inputs first, the filters next, and that axis."""
        _, axis = axis_on(self._axes(layer)["weight"], Side.BOTTOM)
        filters = np.moveaxis(layer.params.filters(layer.weights["weight"]), 1, 0)
        # With groups the axis is that of each group's inputs.
        return filters, replace(axis, count=len(filters) // axis.each)

    def _axes(self, layer: Layer) -> Mapping[str, Sequence[ChannelAxis | None]]:
        return layer.params.weight_channels(self.net.bottom_blobs(layer))

    def places(self, group: Group, layer: Layer, axis: ChannelAxis) -> Array:
        """Return for each entry along an axis the place of its unit in the group, -1 for those of other groups."""
        order = np.argsort(group.units)
        units = self.channels.axis_units(layer, axis)
        found = np.minimum(np.searchsorted(group.units, units, sorter=order), len(order) - 1)
        place = order[found]
        return np.where(group.units[place] == units, place, -1)
