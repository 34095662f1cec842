"""Mixed precision: let the layers compute in f32 that lose most for the time that integers save them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from xdn.errors import DataError
from xdn.graph import Net
from xdn.graph.cost import layer_cost
from xdn.graph.sharing import with_true_names
from xdn.layers.function import Activation
from xdn.optimize.check import Arrays
from xdn.optimize.quantize.bias import correction_images
from xdn.optimize.quantize.calibrate import Calibrated
from xdn.optimize.quantize.instruments import Instruments, Progress

#: Layers that stay in f32, or read integers, together.
_Unit = tuple[str, ...]


@dataclass(frozen=True)
class Loss:
    """What a layer loses and saves by reading integers.

    Parameters
    ----------
    error : float
        The squared error of the net's outputs with this layer alone quantized, relative to their squares.
    saved : float
        What it saves: seconds an image; where nothing measures them, multiply-accumulates an image.
    """

    error: float
    saved: float

    @property
    def rank(self) -> float:
        """The error for what is saved; infinite where nothing is."""
        return self.error / self.saved if self.saved > 0 else float("inf")


def with_f32_layers(
    calibrated: Calibrated, instruments: Instruments, max_drop: float, progress: Progress | None = None
) -> Calibrated:
    """Return a calibrated net with as many layers in f32 as its accuracy needs.

    Layers are ranked by the error of the outputs that each causes alone, for the time that it saves. The first ones
    stay in f32: so few that the accuracy is at most `max_drop` below that of the f32 net. A layer that as integers is
    not faster stays in any case. An activation that is fused in f32 goes with the layer that it is fused to there.

    Parameters
    ----------
    calibrated : Calibrated
    instruments : Instruments
        With accuracies.
    max_drop : float
        Of the share of images that are right.
    progress : callable, optional

    Raises
    ------
    DataError
        There are no labelled images to take accuracies on.
    """
    accuracy = instruments.accuracy
    if accuracy is None:
        raise DataError("there are no images for accuracies beside those of calibration", mend="Give more images")
    net, units = calibrated.real, _units(calibrated)
    steps = _Steps(progress, 2 * len(units).bit_length() + len(units) + 1)
    losses = _losses(calibrated, units, instruments, steps)
    order = sorted(units, key=lambda unit: (-losses[unit].rank, units.index(unit)))
    wanted = steps.after(accuracy(net)) - max_drop

    def without(most: int) -> Net:
        """Return the net in which so many of the first layers stay in f32."""
        return mixed(net, calibrated.net, [*chain.from_iterable(order[most:])])

    def enough(most: int) -> bool:
        """Return whether that is enough."""
        return steps.after(accuracy(without(most))) >= wanted

    most, measured = (
        _fewest(enough, sum(loss.saved <= 0 for loss in losses.values()), len(units)),
        bool(instruments.seconds),
    )
    kept = {name: _reason(losses[unit], max_drop, measured) for unit in order[:most] for name in unit}
    made = without(most)
    ranges = {blob: calibrated.ranges[blob] for layer in made.layers if layer.integers for blob in layer.bottoms}
    return replace(
        calibrated, net=made, ranges=ranges, choice=calibrated.choice.without(kept), scored=instruments.scored
    )


def _fewest(enough: Callable[[int], bool], least: int, most: int) -> int:
    """Return about the least number from `least` on that is enough; `most` is.

    Steps are doubled from `least` on, and halved after the first number that is enough: accuracies on some images do
    not rise with every layer, and one that is a little too low by chance is not to cost many layers.
    """
    last, tried, step = least - 1, least, 1
    while tried < most and not enough(tried):
        last, tried, step = tried, tried + step, 2 * step
    tried = min(tried, most)
    while tried - last > 1:
        middle = (last + tried) // 2
        if enough(middle):
            tried = middle
        else:
            last = middle
    return tried


def mixed(net: Net, quantized: Net, names: Collection[str]) -> Net:
    """Return `net` with the layers called so as they are in `quantized`, the same net that reads integers."""
    layers = (
        other if layer.name in names else layer for layer, other in zip(net.layers, quantized.layers, strict=True)
    )
    return with_true_names(net.replace(layers=tuple(layers)))


class _Steps:
    """Counts nets that were run."""

    def __init__(self, progress: Progress | None, most: int):
        self._progress, self._most, self._done = progress, most, 0

    def after(self, found: float) -> float:
        """Return what a net gave, and count it."""
        self._done += 1
        if self._progress:
            self._progress(self._done, max(self._done, self._most))
        return found


def _units(calibrated: Calibrated) -> list[_Unit]:
    """Return the names of the layers that read integers: an activation's beside that of what it is fused to in f32."""
    units: dict[str, list[str]] = {}
    net = calibrated.real
    for layer in map(net.layer, calibrated.choice.layers):
        maker = net.producers[layer.bottoms[0]].name
        fused = isinstance(layer.params, Activation) and not layer.params.same_bits and maker in units
        units.setdefault(maker if fused else layer.name, []).append(layer.name)
    return [tuple(names) for names in units.values()]


def _losses(
    calibrated: Calibrated, units: Sequence[_Unit], instruments: Instruments, steps: _Steps
) -> dict[_Unit, Loss]:
    """Return what layers lose and save by reading integers."""
    net = calibrated.real
    saved = _saved(net, calibrated.net, calibrated.choice.layers, instruments)
    batch = instruments.first(correction_images(net))
    (exact,) = instruments.runner(net, net.outputs, [batch])
    found: dict[_Unit, Loss] = {}
    for unit in units:
        (outputs,) = instruments.runner(mixed(net, calibrated.net, unit), net.outputs, [batch])
        found[unit] = Loss(steps.after(_relative_error(exact, outputs)), sum(saved[name] for name in unit))
    return found


def _saved(net: Net, quantized: Net, names: Sequence[str], instruments: Instruments) -> Mapping[str, float]:
    """Return what each layer saves by reading integers."""
    if instruments.seconds is None:
        return {name: float(layer_cost(net, net.layer(name)).macs) for name in names}
    exact, found = instruments.seconds((net, quantized))
    return {name: exact.get(name, 0.0) - found.get(name, 0.0) for name in names}


def _relative_error(exact: Arrays, found: Arrays) -> float:
    noise = sum(float(np.square(found[name].astype(np.float64) - exact[name]).sum()) for name in exact)
    signal = sum(float(np.square(exact[name], dtype=np.float64).sum()) for name in exact)
    return noise / signal if signal > 0 else noise


def _reason(loss: Loss, max_drop: float, measured: bool) -> str:
    """Return why a layer stays in f32."""
    if loss.saved <= 0:
        return f"as integers it takes {-1e6 * loss.saved:.3g} us an image more" if measured else "it multiplies nothing"
    saves = f"{1e6 * loss.saved:.3g} us" if measured else f"{loss.saved:.3g} faster MACs"
    return (
        f"for {saves} an image it would lose {loss.error:.2g} of the outputs' squares, more than layers that read "
        f"integers, and accuracy is to drop by {100 * max_drop:g} points at most"
    )
