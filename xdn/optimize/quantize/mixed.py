"""Mixed precision: layers read what is fastest for them, but those that lose most for the time that it saves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xdn.errors import DataError
from xdn.graph import Net
from xdn.graph.sharing import with_true_names
from xdn.layers.function import Activation
from xdn.optimize.check import Arrays
from xdn.optimize.quantize.bias import correction_images
from xdn.optimize.quantize.calibrate import Calibrated
from xdn.optimize.quantize.fastest import BF16, F32, INT8, Times, Unit, fastest, times_of
from xdn.optimize.quantize.instruments import Instruments, Progress

#: A unit, and numbers of fewer bits than f32 that its layers can read.
_Way = tuple[Unit, str]


@dataclass(frozen=True)
class Loss:
    """What a layer loses and saves by reading numbers of fewer bits.

    Parameters
    ----------
    error : float
        The squared error of the net's outputs with this layer alone reading them, relative to their squares.
    saved : float
        What it saves: seconds an image; where nothing measures them, multiply-accumulates of f32 an image.
    """

    error: float
    saved: float

    @property
    def rank(self) -> float:
        """The error for what is saved; infinite where nothing is."""
        return self.error / self.saved if self.saved > 0 else float("inf")


def in_mixed_precision(
    calibrated: Calibrated,
    instruments: Instruments,
    max_drop: float,
    progress: Progress | None = None,
    in_bf16: Net | None = None,
) -> Calibrated:
    """Return a calibrated net each of whose layers reads what is fastest for the net, as far as its accuracy allows.

    That is 8-bit integers, f32, or bf16 as in another net; conversions of blobs count. Where accuracy is then more than
    `max_drop` below that of the f32 net, ways to read fewer bits are ranked by the error of the outputs that each
    causes alone, for the time that it saves, and the first ones are forbidden: so few that accuracy is within it. An
    activation that is fused in f32 goes with the layer that it is fused to there.

    Parameters
    ----------
    calibrated : Calibrated
    instruments : Instruments
        With accuracies.
    max_drop : float
        Of the share of images that are right.
    progress : callable, optional
    in_bf16 : Net, optional
        The net whose layers read bf16 that can.

    Raises
    ------
    DataError
        There are no labelled images to take accuracies on.
    """
    accuracy = instruments.accuracy
    if accuracy is None:
        raise DataError("there are no images for accuracies beside those of calibration", mend="Give more images")
    nets = {F32: calibrated.real, **({} if in_bf16 is None else {BF16: in_bf16}), INT8: calibrated.net}
    units = _units(calibrated, nets)
    times = times_of(nets, instruments)
    ways = [(unit, numbers) for unit, able in units.items() for numbers in able if numbers != F32]
    steps = _Steps(progress, 2 * len(ways).bit_length() + len(ways) + 2)
    wanted = steps.after(accuracy(calibrated.real)) - max_drop

    def without(forbidden: Sequence[_Way]) -> dict[str, str]:
        """Return layer's name -> what it reads, where these ways are forbidden."""
        left = {unit: [each for each in able if (unit, each) not in forbidden] for unit, able in units.items()}
        found = fastest(calibrated.real, times, left)
        return {name: numbers for unit, numbers in found.items() for name in unit}

    def enough(numbers: Mapping[str, str]) -> bool:
        """Return whether the net is exact enough in which layers read these."""
        return steps.after(accuracy(mixed(nets, numbers))) >= wanted

    numbers, losses = without(()), {}
    if not enough(numbers):
        found = _losses(nets, ways, times, instruments, steps)
        order = sorted(ways, key=lambda way: (-found[way].rank, ways.index(way)))
        most = _fewest(lambda tried: enough(without(order[:tried])), 1, len(order))
        numbers, losses = without(order[:most]), {way: found[way] for way in order[:most]}
    made = mixed(nets, numbers)
    kept = {
        name: _reason(unit, numbers[name], times, losses.get((unit, INT8)), max_drop)
        for unit, able in units.items()
        for name in unit
        if INT8 in able and numbers[name] != INT8
    }
    saved = {unit[0]: times.of(unit, F32) - times.of(unit, numbers[unit[0]]) for unit in units}
    return replace(
        calibrated,
        net=made,
        ranges={blob: calibrated.ranges[blob] for layer in made.layers if layer.integers for blob in layer.bottoms},
        choice=calibrated.choice.without(kept),
        scored=instruments.scored,
        saved={name: seconds for name, seconds in saved.items() if numbers[name] != F32} if times.measured else {},
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


def mixed(nets: Mapping[str, Net], numbers: Mapping[str, str]) -> Net:
    """Return the net in f32 of `nets` with the layers that read other numbers as they are in that net of these.

    `numbers` has layer's name -> what it reads; all others read f32.
    """
    layers = (nets[numbers.get(layer.name, F32)].layers[place] for place, layer in enumerate(nets[F32].layers))
    return with_true_names(nets[F32].replace(layers=tuple(layers)))


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


def _units(calibrated: Calibrated, nets: Mapping[str, Net]) -> dict[Unit, list[str]]:
    """Return layers that read the same numbers -> which they can read; of those that can read others than f32.

    An activation's name is beside that of what it is fused to in f32. Layers whose lines say that they read bf16 do in
    all nets.
    """
    reading = {
        numbers: {
            layer.name for layer in net.layers if layer.quantized and not calibrated.real.layer(layer.name).quantized
        }
        for numbers, net in nets.items()
    }
    units: dict[str, list[str]] = {}
    for layer in calibrated.real.layers:
        if any(layer.name in names for names in reading.values()):
            maker = calibrated.real.producers[layer.bottoms[0]].name
            fused = isinstance(layer.params, Activation) and not layer.params.same_bits and maker in units
            units.setdefault(maker if fused else layer.name, []).append(layer.name)
    return {tuple(names): [F32, *(each for each in nets if names[0] in reading[each])] for names in units.values()}


def _losses(
    nets: Mapping[str, Net], ways: Sequence[_Way], times: Times, instruments: Instruments, steps: _Steps
) -> dict[_Way, Loss]:
    """Return what layers lose and save by reading numbers of fewer bits."""
    net = nets[F32]
    batch = instruments.first(correction_images(net))
    (exact,) = instruments.runner(net, net.outputs, [batch])
    found: dict[_Way, Loss] = {}
    for unit, numbers in ways:
        (outputs,) = instruments.runner(mixed(nets, dict.fromkeys(unit, numbers)), net.outputs, [batch])
        saved = times.of(unit, F32) - times.of(unit, numbers)
        found[unit, numbers] = Loss(steps.after(_relative_error(exact, outputs)), saved)
    return found


def _relative_error(exact: Arrays, found: Arrays) -> float:
    noise = sum(float(np.square(found[name].astype(np.float64) - exact[name]).sum()) for name in exact)
    signal = sum(float(np.square(exact[name], dtype=np.float64).sum()) for name in exact)
    return noise / signal if signal > 0 else noise


def _reason(unit: Unit, numbers: str, times: Times, loss: Loss | None, max_drop: float) -> str:
    """Return why layers read these numbers, and no 8-bit integers; `loss` where these are forbidden them."""
    saved = times.of(unit, numbers) - times.of(unit, INT8)
    if saved <= 0:
        return (
            f"as integers it takes {-1e6 * saved:.3g} us an image more" if times.measured else "it multiplies nothing"
        )
    if loss is None:
        return f"the {1e6 * saved:.3g} us an image that integers save are less than what conversions take"
    saves = f"{1e6 * loss.saved:.3g} us" if times.measured else f"{loss.saved:.3g} faster MACs"
    return (
        f"for {saves} an image it would lose {loss.error:.2g} of the outputs' squares, more than layers that read "
        f"integers, and accuracy is to drop by {100 * max_drop:g} points at most"
    )
