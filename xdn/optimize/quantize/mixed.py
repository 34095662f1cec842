"""Mixed precision: let the layers compute in f32 that lose most for the time that integers save them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xdn.errors import DataError
from xdn.graph import Net
from xdn.graph.cost import layer_cost
from xdn.optimize.check import Arrays
from xdn.optimize.quantize.bias import correction_images
from xdn.optimize.quantize.calibrate import Calibrated
from xdn.optimize.quantize.instruments import Instruments, Progress


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
    not faster stays in any case.

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
    net, names = calibrated.real, calibrated.choice.layers
    steps = _Steps(progress, 2 * len(names).bit_length() + len(names) + 1)
    losses = _losses(calibrated, instruments, steps)
    order = sorted(names, key=lambda name: (-losses[name].rank, names.index(name)))
    wanted = steps.after(accuracy(net)) - max_drop

    def enough(most: int) -> bool:
        """Return whether it is enough that so many of the first layers stay in f32."""
        return steps.after(accuracy(mixed(net, calibrated.net, order[most:]))) >= wanted

    most = _fewest(enough, sum(losses[name].saved <= 0 for name in names), len(names))
    kept = {name: _reason(losses[name], max_drop, instruments.seconds is not None) for name in order[:most]}
    made = mixed(net, calibrated.net, order[most:])
    ranges = {blob: calibrated.ranges[blob] for layer in made.layers if layer.integers for blob in layer.bottoms}
    return replace(calibrated, net=made, ranges=ranges, choice=calibrated.choice.without(kept))


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
    return net.replace(
        layers=tuple(
            other if layer.name in names else layer for layer, other in zip(net.layers, quantized.layers, strict=True)
        )
    )


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


def _losses(calibrated: Calibrated, instruments: Instruments, steps: _Steps) -> dict[str, Loss]:
    """Return what each layer that reads integers loses and saves."""
    net, names = calibrated.real, calibrated.choice.layers
    saved = _saved(net, calibrated.net, names, instruments)
    batch = instruments.first(correction_images(net))
    (exact,) = instruments.runner(net, net.outputs, [batch])
    found: dict[str, Loss] = {}
    for name in names:
        alone = mixed(net, calibrated.net, (name,))
        (outputs,) = instruments.runner(alone, net.outputs, [batch])
        found[name] = Loss(steps.after(_relative_error(exact, outputs)), saved[name])
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
