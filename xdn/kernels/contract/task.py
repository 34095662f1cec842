"""What convolution and InnerProduct contract: sources and filters, before any schedule cuts them into tiles."""

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from xdn.element import BF16, REAL, real
from xdn.errors import WeightsError
from xdn.graph import Array, Layer
from xdn.graph.epilogue import projection_weights
from xdn.kernels.core.family import Lowering, packed_weights
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.core.taps import TapLists, lists_footprint, tap_lists
from xdn.layers.filters import Filters
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.window import Window


@dataclass(frozen=True)
class Source:
    """What a contraction sums over: a blob, and the filters that slide over it.

    Parameters
    ----------
    blob : str
    layout : BlockLayout
        The blob's.
    weight : (K, C/G, R, S)
        Filters, with as many axes after the channels as the window has.
    window : Window
        How they slide.
    lists : TapLists
        The window's.
    positions, runs : arrays
        As `TapLists.in_runs` gives them.
    """

    blob: str
    layout: BlockLayout
    weight: Array
    window: Window
    lists: TapLists
    positions: Array
    runs: Array

    @property
    def channels(self) -> int:
        """Channels that each filter reads."""
        return int(self.weight.shape[1])

    @property
    def depth(self) -> tuple[int, int]:
        """Elements of the window that are used, and channels: a filter's weights."""
        return len(self.lists.used), self.channels


@dataclass(frozen=True)
class Contraction:
    """A contraction over tap lists, before it is cut into tiles.

    Parameters
    ----------
    sources : tuple of Source
        One, or two without groups.
    biases : tuple of (K,) arrays
        Their sum is what each output begins with.
    groups : int
    """

    sources: tuple[Source, ...]
    biases: tuple[Array, ...]
    groups: int = 1

    @property
    def filters(self) -> int:
        """Filters of one group."""
        return len(self.sources[0].weight) // self.groups

    @property
    def filter_macs(self) -> int:
        """Multiply-adds that a filter takes, of all sources."""
        return sum(source.lists.multiplications * source.channels for source in self.sources)

    @cached_property
    def products(self) -> Array:
        """(P*Q,) the products of each position's sum."""
        found = np.zeros(len(self.sources[0].positions), np.int64)
        for source in self.sources:
            ends = np.append(0, np.cumsum(source.runs[:, 2]))
            found += ends[source.positions[:, 2]] - ends[source.positions[:, 1]]
        return found

    @property
    def bias(self) -> Array:
        """(K,) f32, zeros where there is none."""
        given = [np.asarray(bias, real) for bias in self.biases]
        return np.ascontiguousarray(sum(given[1:], given[0]) if given else np.zeros(self.filters * self.groups, real))


def filters_of(layer: Layer) -> Filters:
    """Return the parameters of a Convolution or Deconvolution."""
    return cast(Filters, layer.params)


def can_be_contracted(lowering: Lowering) -> bool:
    """Return whether groups, if there are any, stand alone; and whether an InnerProduct sums all that an image has."""
    layer, projection = lowering.layer, cast(Filters | None, lowering.layer.projection)
    if isinstance(layer.params, InnerProduct):
        return projection is None and lowering.bottoms[0].axis(layer.params.axis) == 1
    return projection is None or filters_of(layer).group == projection.group == 1


def contraction_task(lowering: Lowering) -> Contraction:
    """Return what a layer contracts."""
    task = _inner_product if isinstance(lowering.layer.params, InnerProduct) else _convolution
    return task(lowering)


def _convolution(lowering: Lowering) -> Contraction:
    """Return what a layer of filters, with the projection that is fused to it, contracts."""
    layer = lowering.layer
    own, projection = filters_of(layer), cast(Filters | None, layer.projection)
    parts = [(layer.bottoms[0], lowering.bottoms[0], lowering.bottom(), own, layer.weights)]
    if projection is not None:
        weights = projection_weights(layer.weights)
        parts.append((layer.bottoms[-1], lowering.added[0], lowering.projected(), projection, weights))
    sources = []
    for name, blob, layout, params, given in parts:
        window = params.window_over(blob)
        lists = tap_lists(blob.shape[2:], lowering.tops[0].shape[2:], window)
        sources.append(source_of(name, layout, lowering.top(), params.filters(given["weight"]), window, lists))
    biases = [given["bias"] for *_, given in parts if "bias" in given]
    return Contraction(tuple(sources), tuple(biases), own.group)


def _inner_product(lowering: Lowering) -> Contraction:
    """Return what an InnerProduct contracts."""
    layer, bottom = lowering.layer, lowering.bottom()
    weight = layer.weights["weight"]
    if cast(InnerProduct, layer.params).transpose:
        weight = weight.T
    sizes = (bottom.height, bottom.width)
    weight, window = weight.reshape(-1, bottom.channels, *sizes), Window(sizes)
    source = source_of(layer.bottoms[0], bottom, lowering.top(), weight, window, tap_lists(sizes, (1, 1), window))
    biases = (layer.weights["bias"],) if "bias" in layer.weights else ()
    return Contraction((source,), biases)


def source_of(
    blob: str, layout: BlockLayout, top: BlockLayout, weight: Array, window: Window, lists: TapLists
) -> Source:
    """Return what a layer's filters sum over in one of its bottoms, which lies as `layout` says, to give `top`."""
    return Source(blob, layout, weight, window, lists, *lists.in_runs(layout, top, weight.shape[1]))


def contraction_footprint(lowering: Lowering) -> Footprint:
    """Return what the packed weights and the tables of a contraction take."""
    layer, tops, weights = lowering.layer, lowering.tops[0].shape[2:], packed_weights(lowering)
    weights = Footprint(weights.kept * lowering.weights.bytes // REAL.bytes, weights.making)
    if layer.type == "InnerProduct":
        sizes = (lowering.bottom().height, lowering.bottom().width)
        return weights + lists_footprint(sizes, (1, 1), Window(sizes))
    found = weights + lists_footprint(
        lowering.bottoms[0].shape[2:], tops, filters_of(layer).window_over(lowering.bottoms[0])
    )
    if layer.projection is not None:
        window = cast(Filters, layer.projection).window_over(lowering.added[0])
        found += lists_footprint(lowering.added[0].shape[2:], tops, window)
    return found


def require_range(lowering: Lowering) -> None:
    """Raise WeightsError for a weight beyond the range of the element that weights are stored as."""
    stored = lowering.weights
    if stored == REAL:
        return
    for name, weight in lowering.layer.weights.items():
        # Infinities and NaN are stored as such: only where there are some is every weight looked at.
        if not name.endswith("weight") or max(weight.max(initial=0), -weight.min(initial=0)) <= stored.largest:
            continue
        large = float(np.abs(weight[np.isfinite(weight)]).max(initial=0))
        if large > stored.largest:
            raise WeightsError(
                f"a weight of magnitude {large:.6g} is beyond the range of {stored.name}",
                where=f"layer {lowering.layer.name!r} ({lowering.layer.type})",
                mend=f"Store weights as {REAL.name} or {BF16.name}",
            )


def used_elements(weight: Array, used: Array) -> Array:
    """Return (K, C/G, U): of the filters (K, C/G, R, S) the window elements that are used, numbered row-major."""
    elements = weight.reshape(*weight.shape[:2], -1)
    return elements if len(used) == elements.shape[2] else elements[:, :, used]


def spread(rows: int, most: int) -> list[int]:
    """Return `rows` split into as few parts as `most` allows, as even as possible, larger parts first."""
    count = -(-rows // most)
    small, larger = divmod(rows, count)
    return [small + 1] * larger + [small] * (count - larger)
