"""Mixed precision: let the layers compute in f32 that lose most for the time that integers save them."""

from collections.abc import Collection, Mapping, Sequence
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
    stay in f32: so few that the accuracy is at most `max_drop` below that of the f32 net, found by halving. A layer
    that as integers is not faster stays in any case.

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
    if instruments.accuracy is None:
        raise DataError("there are no images for accuracies beside those of calibration", mend="Give more images")
    net, names = calibrated.real, calibrated.choice.layers
    steps = _Steps(progress, len(names) + len(names).bit_length() + 2)
    losses = _losses(calibrated, instruments, steps)
    order = sorted(names, key=lambda name: (-losses[name].rank, names.index(name)))
    wanted = steps.after(instruments.accuracy(net)) - max_drop
    least = sum(losses[name].saved <= 0 for name in names)
    most = len(names)
    while least < most:
        middle = (least + most) // 2
        if steps.after(instruments.accuracy(mixed(net, calibrated.net, order[middle:]))) >= wanted:
            most = middle
        else:
            least = middle + 1
    kept = {name: _reason(losses[name], max_drop, instruments.seconds is not None) for name in order[:most]}
    made = mixed(net, calibrated.net, order[most:])
    ranges = {blob: calibrated.ranges[blob] for layer in made.layers if layer.quantized for blob in layer.bottoms}
    return replace(calibrated, net=made, ranges=ranges, choice=calibrated.choice.without(kept))


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
