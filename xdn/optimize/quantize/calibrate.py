"""Calibrate a net: look at its blobs on images, and say in each layer as what integers it reads them."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from xdn import settings
from xdn.errors import DataError, ShapeError, WeightsError
from xdn.graph import Array, Net, Quantized
from xdn.graph.quantized import BITS
from xdn.graph.sharing import with_true_names
from xdn.layers.integer import with_integer_weights
from xdn.optimize.check import Arrays
from xdn.optimize.match import reason_to_keep
from xdn.optimize.quantize.bias import with_corrected_biases
from xdn.optimize.quantize.choice import Choice, chosen, groups, is_product, read_by, why_f32
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.equalize import equalized
from xdn.optimize.quantize.instruments import Instruments, Progress
from xdn.optimize.quantize.observer import OBSERVERS, Observer
from xdn.optimize.quantize.prepare import prepared
from xdn.optimize.quantize.rounding import with_learned_rounding


@dataclass(frozen=True)
class Range:
    """What was seen of a blob, and the integers that were chosen for it.

    Parameters
    ----------
    smallest, largest : float
        Its extremes, and 0.
    quantized : Quantized
    """

    smallest: float
    largest: float
    quantized: Quantized


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A net whose layers say how they read 8-bit integers, and how it came about.

    Parameters
    ----------
    net : Net
    real : Net
        The same net in f32: what was calibrated, its channels equalized where that was asked for.
    ranges : mapping
        Blob -> what was seen of it; of blobs that some layer reads as integers.
    choice : Choice
        Which layers read integers, and why the others do not.
    images : int
        How many were looked at.
    config : CalibrationConfig
        As it was followed.
    scored : int
        On how many other images it was chosen by accuracy which layers read other numbers; 0 where it was not.
    saved : mapping
        Layer's name -> the seconds an image that it saves by what it reads in place of f32, of those whose times were
        measured.
    """

    net: Net
    real: Net
    ranges: Mapping[str, Range]
    choice: Choice
    images: int
    config: CalibrationConfig
    scored: int = 0
    saved: Mapping[str, float] = field(default_factory=dict)


def calibrate(
    net: Net, config: CalibrationConfig, instruments: Instruments, progress: Progress | None = None
) -> Calibrated:
    """Return the net with `quantized` in every layer that can read 8-bit integers.

    Parameters
    ----------
    net : Net
        With weights, fused as it is going to run; one that reads integers already is calibrated anew. Layers that
        read bf16 stay as they are.
    config : CalibrationConfig
    instruments : Instruments
    progress : callable, optional

    Raises
    ------
    SettingError
        A layer that is to be kept in f32 is not there.
    UnknownNameError
        The observer is not registered.
    DataError
        There are no images.
    """
    net.require_weights()
    net = prepared(net, config)
    choice = chosen(net, config)
    if config.equalize:
        net = equalized(net, instruments)
    watch = _Watch(net, choice, OBSERVERS[config.observer])
    images = 0
    for found in instruments.passes(net, watch.blobs) if watch.blobs else ():
        watch.update(found)
        images += len(found[watch.blobs[0]])
        if progress:
            progress(images, max(images, config.images))
    if watch.blobs and not images:
        raise DataError("there are no calibration images")
    ranges, failed = watch.result()
    choice = choice.without(_unfit(net, choice, ranges, failed))
    choice = choice.without(_needless(net, choice, ranges))
    quantized = {name: tuple(ranges[blob].quantized for blob in net.layer(name).bottoms) for name in choice.layers}
    quantized |= _in_fewer_bits(net, quantized, watch, config)
    layers = tuple(layer.replace(quantized=quantized.get(layer.name, layer.quantized)) for layer in net.layers)
    made = _adjusted(net.replace(layers=layers), net, config, instruments, progress)
    read = {blob: ranges[blob] for name in choice.layers for blob in net.layer(name).bottoms}
    return Calibrated(made, net, read, choice, images, config)


def _in_fewer_bits(
    net: Net, quantized: Mapping[str, tuple[Quantized, ...]], watch: "_Watch", config: CalibrationConfig
) -> dict[str, tuple[Quantized, ...]]:
    """Return the readings of layers with weights, but the first and the last, in as few bits as `config` says.

    They are their own bottoms, and what they project; a residual has 8 bits.
    """
    weights, blobs = config.bits
    if (weights, blobs) == (BITS, BITS):
        return {}
    found = {}
    for layer in [layer for layer in net.layers if is_product(net, layer)][1:-1]:
        if layer.name in quantized:
            own = len(layer.bottoms) - (layer.residual is not None)
            fewer = (replace(watch.quantized(blob, blobs), weight_bits=weights) for blob in layer.bottoms[:own])
            found[layer.name] = (*fewer, *quantized[layer.name][own:])
    return found


def _adjusted(
    net: Net, real: Net, config: CalibrationConfig, instruments: Instruments, progress: Progress | None
) -> Net:
    """Return a net that reads integers with weights and biases as `config` wants them; `real` is the same in f32."""
    if config.learn_rounding:
        net = with_learned_rounding(net, instruments, settings.ROUNDING_IMAGES, config.correct_bias, progress)
    if config.correct_bias:
        net = with_corrected_biases(net, real, instruments)
    if config.integer_weights:
        net = net.replace(layers=tuple(with_integer_weights(layer) for layer in net.layers))
    return with_true_names(net)


class _Watch:
    """Observes the blobs that layers are to read as integers.

    Blobs between which layers hand values on have one observer: they are then stored as the same integers.

    Parameters
    ----------
    net : Net
    choice : Choice
    make : callable
        Makes an observer.
    """

    def __init__(self, net: Net, choice: Choice, make: Callable[[], Observer]):
        self.blobs = tuple(dict.fromkeys(blob for name in choice.layers for blob in net.layer(name).bottoms))
        self._of = groups(net)
        #: The name of a group -> those of its blobs that are looked at.
        self._groups: dict[str, list[str]] = defaultdict(list)
        for blob in self.blobs:
            self._groups[self._of[blob]].append(blob)
        self._observers = {key: make() for key in self._groups}
        self._failed: dict[str, str] = {}

    def update(self, found: Arrays) -> None:
        """Look at the blobs of the next images."""
        for key, blobs in self._groups.items():
            if key not in self._failed:
                try:
                    self._observers[key].update(_beside([found[blob] for blob in blobs]))
                except DataError as error:
                    self._failed[key] = error.what

    def quantized(self, blob: str, bits: int) -> Quantized:
        """Return the integers of so many bits for a blob that `result` has integers for."""
        return self._observers[self._of[blob]].quantized(bits)

    def result(self) -> tuple[dict[str, Range], dict[str, str]]:
        """Return blob -> what was seen of its group, and blob -> why no integers can stand for it."""
        ranges: dict[str, Range] = {}
        for key, observer in self._observers.items():
            if key not in self._failed:
                try:
                    ranges[key] = Range(observer.smallest, observer.largest, observer.quantized())
                except (DataError, ShapeError) as error:
                    self._failed[key] = error.what
        return (
            {blob: ranges[key] for blob, key in self._of.items() if key in ranges},
            {blob: self._failed[key] for blob, key in self._of.items() if key in self._failed},
        )


def _beside(blobs: Sequence[Array]) -> Array:
    """Return (N, ...) all values that blobs have of each image."""
    return blobs[0] if len(blobs) == 1 else np.concatenate([each.reshape(len(each), -1) for each in blobs], axis=1)


def _unfit(net: Net, choice: Choice, ranges: Mapping[str, Range], failed: Mapping[str, str]) -> dict[str, str]:
    """Return layer's name -> why it cannot be quantized after all, now that it is known what its bottoms hold."""
    found: dict[str, str | None] = {}
    for layer in map(net.layer, choice.layers):
        without = [blob for blob in layer.bottoms if blob in failed]
        if without:
            found[layer.name] = f"of its bottom {without[0]!r} {failed[without[0]]}"
            continue
        quantized = tuple(ranges[blob].quantized for blob in layer.bottoms)
        found[layer.name] = why_f32(net, layer, quantized)
        try:
            with_integer_weights(layer.replace(quantized=quantized))
        except WeightsError as error:
            found[layer.name] = error.what
    return {name: reason for name, reason in found.items() if reason is not None}


def _needless(net: Net, choice: Choice, ranges: Mapping[str, Range]) -> dict[str, str]:
    """Return layer's name -> why it need not be quantized, of those that are done by storing their bottom as their top.

    Nothing else reads that bottom, so that it can be stored so.
    """
    read = read_by(net, set(choice.layers))
    found = {}
    for layer in map(net.layer, choice.layers):
        (bottom, *_), (top, *_) = layer.bottoms, layer.tops
        alone = reason_to_keep(net, bottom) is None and reason_to_keep(net, top) is None
        if alone and top in read and layer.params.only_cuts_off(ranges[top].quantized):
            found[layer.name] = f"what it cuts off of {bottom!r} has the integer 0 where that is stored for its readers"
    return found
