"""Give the weights of a net codebooks: channels in an order that suits them, then k-means, layer by layer.

The source is Martinez et al., "Permute, Quantize, and Fine-tune: Efficient Compression of Neural Networks" (2021). What
it does last, training the centroids, is `xdn-train`'s part.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from xdn.errors import SettingError, WeightsError
from xdn.graph import ChannelAxis, Layer, Net
from xdn.graph.codebook import Codebook, without_codebooks
from xdn.optimize.codebooks.blocks import Blocks, blocks_of, multiplying
from xdn.optimize.codebooks.config import CodebookConfig
from xdn.optimize.codebooks.kmeans import kmeans
from xdn.optimize.codebooks.order import Reader, best_order
from xdn.optimize.codebooks.permute import movable, permuted, unmoved
from xdn.optimize.prune.channels import Channels, Group
from xdn.optimize.prune.ties import require_plain
from xdn.registry import known_names

#: Told (weights done, weights in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CodedLayer:
    """What a layer's codebook is.

    Parameters
    ----------
    blocks : Blocks
    count : int
        Blocks of the weight.
    bytes : int
        What centroids and codes take in a file; in f32 the weight takes 4 * `count` * `blocks.length`.
    error : float
        The mean square of what the weights have changed by, relative to the mean square of the weights.
    """

    blocks: Blocks
    count: int
    bytes: int
    error: float


@dataclass(frozen=True, eq=False)
class Coded:
    """A net whose weights are codebooks, and how it came about.

    Parameters
    ----------
    net : Net
    layers : mapping
        Layer's name -> its codebook.
    kept : mapping
        Layer's name -> why its weight stays, of the other layers that multiply with one.
    groups : int
        Of channels that were given an order.
    config : CodebookConfig
        As it was followed.
    """

    net: Net
    layers: Mapping[str, CodedLayer]
    kept: Mapping[str, str]
    groups: int
    config: CodebookConfig


def with_codebooks(net: Net, config: CodebookConfig, progress: Progress | None = None) -> Coded:
    """Return the net with codebooks for the weights of convolutions and inner products.

    Parameters
    ----------
    net : Net
        Plain, with weights. Codebooks that it has are made anew, of the values.
    config : CodebookConfig
    progress : callable, optional

    Raises
    ------
    SettingError
        A name or pattern of `keep_f32` meets no layer.
    UnsupportedError
        A layer holds what post-fusion appended, or does not compute with f32.
    WeightsError
        Where the net has none, or some are not finite.
    """
    net.require_weights()
    require_plain(net, "codebooks are not for a net with", "Make codebooks")
    net = without_codebooks(net)
    layers = multiplying(net)
    _check_names(config, layers)
    found = {layer.name: blocks_of(net, layer, config, layer is layers[0]) for layer in layers}
    cut = {name: blocks for name, blocks in found.items() if isinstance(blocks, Blocks)}
    for name in cut:
        if not np.isfinite(net.layer(name).weights["weight"]).all():
            raise WeightsError(
                "the weights are not all finite: they cannot get a codebook", where=net.layer(name).place
            )
    net, groups = _ordered(net, cut, config)
    made: dict[str, Layer] = {}
    said: dict[str, CodedLayer] = {}
    for done, (name, blocks) in enumerate(cut.items()):
        if progress:
            progress(done, len(cut))
        made[name], said[name] = _coded(net.layer(name), blocks, config)
    kept = {name: why for name, why in found.items() if isinstance(why, str)}
    net = net.replace(layers=tuple(made.get(layer.name, layer) for layer in net.layers))
    return Coded(net, said, kept, groups, config)


def _check_names(config: CodebookConfig, layers: list[Layer]) -> None:
    names = [layer.name for layer in layers]
    for pattern in config.keep_f32:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise SettingError(f"no layer with weights is called {pattern!r}", mend=known_names(pattern, names))


def _ordered(net: Net, cut: Mapping[str, Blocks], config: CodebookConfig) -> tuple[Net, int]:
    """Return the net with its channels in orders that suit the blocks, and how many groups of them these are."""
    if not config.swaps:
        return net, 0
    channels = Channels(net)
    taken, groups = unmoved(channels), 0
    for group in movable(channels):
        names = [name for name in group.readers if name in cut and cut[name].channels > 1]
        readers = [_reader(channels, net.layer(name), cut[name], group) for name in names]
        if readers:
            taken[group.units] = group.units[best_order(readers, config.swaps, config.seed)]
            groups += 1
    return permuted(channels, taken), groups


def _reader(channels: Channels, layer: Layer, blocks: Blocks, group: Group) -> Reader:
    """Return the weight of a layer that reads a group's channels, and where among its channels they stand."""
    weight = layer.weights["weight"]
    axes = layer.params.weight_channels(channels.net.bottom_blobs(layer))["weight"]
    axis = axes[1] if weight.shape[1] > 1 else axes[0]
    assert isinstance(axis, ChannelAxis)  # What blocks of several channels are of.
    units = channels.axis_units(layer, axis)
    place = np.full(channels.count, -1)
    place[units] = np.arange(len(units))
    return Reader(weight.reshape(-1, len(units), blocks.length // blocks.channels), blocks.channels, place[group.units])


def _coded(layer: Layer, blocks: Blocks, config: CodebookConfig) -> tuple[Layer, CodedLayer]:
    """Return a layer with the weight that a codebook makes, and what it is."""
    weight = layer.weights["weight"]
    vectors = np.ascontiguousarray(weight).reshape(-1, blocks.length)
    codebook = Codebook(*kmeans(vectors, blocks.centroids, config.iterations, config.seed))
    values = codebook.weight(weight.shape)
    error = float(np.square(values - weight, dtype=np.float64).sum() / (np.square(weight, dtype=np.float64).sum() or 1))
    made = layer.replace(weights={**layer.weights, "weight": values}, block=blocks.length)
    return made, CodedLayer(blocks, len(vectors), codebook.bytes, error)
