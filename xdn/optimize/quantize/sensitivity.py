"""How much each layer loses by reading integers: by the values that it gives, and by what the net then says."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import log10

import numpy as np

from xdn.graph import Array, Net
from xdn.optimize.check import Arrays
from xdn.optimize.quantize.calibrate import Calibrated
from xdn.optimize.quantize.fastest import F32, INT8
from xdn.optimize.quantize.histogram import Histogram
from xdn.optimize.quantize.instruments import Instruments, Progress
from xdn.optimize.quantize.mixed import mixed


@dataclass(frozen=True)
class LayerSensitivity:
    """What a layer loses by reading integers.

    Parameters
    ----------
    layer : str
    sqnr_db : float or None
        10 log10(sum y^2 / sum (y - y_q)^2), y being what the layer gives in the f32 net and y_q in the quantized one;
        None where both are equal.
    cosine : float
        Of y and y_q, 1 where both are 0.
    alone, others : float or None
        The accuracy with this layer alone quantized, and with all but this one; None where no labels are known.
    """

    layer: str
    sqnr_db: float | None
    cosine: float
    alone: float | None = None
    others: float | None = None


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What quantization costs, layer by layer.

    Parameters
    ----------
    layers : tuple of LayerSensitivity
        Those that read integers, in the net's order.
    histograms : mapping
        Blob -> how often which magnitudes occur in it in the f32 net; of the blobs that are read as integers.
    f32, quantized : float or None
        The accuracy of the net before and after.
    scored : int
        Images on which accuracies were taken, none of those that scales were chosen by.
    """

    layers: tuple[LayerSensitivity, ...]
    histograms: Mapping[str, Histogram]
    f32: float | None = None
    quantized: float | None = None
    scored: int = 0


def sensitivity(calibrated: Calibrated, instruments: Instruments, progress: Progress | None = None) -> Sensitivity:
    """Measure what each layer of a calibrated net loses.

    Parameters
    ----------
    calibrated : Calibrated
    instruments : Instruments
        Calibration images, and labelled ones for accuracies.
    progress : callable, optional
    """
    net, names = calibrated.real, calibrated.choice.layers
    top_of = {name: net.layer(name).tops[0] for name in names}
    errors = {name: _Error() for name in names}
    histograms = {blob: Histogram() for blob in calibrated.ranges}
    read = tuple(dict.fromkeys((*top_of.values(), *histograms)))
    both = zip(instruments.passes(net, read), instruments.passes(calibrated.net, tuple(top_of.values())), strict=True)
    for exact, found in both if names else ():
        for name, top in top_of.items():
            errors[name].update(exact[top], found[top])
        _count(histograms, exact)
    scores = _Scores(net, calibrated.net, instruments, progress, 2 * len(names) + 2)
    f32, quantized = scores.of(()), scores.of(names)
    layers = tuple(
        LayerSensitivity(
            name, errors[name].sqnr_db, errors[name].cosine, scores.of((name,)), scores.of(set(names) - {name})
        )
        for name in names
    )
    return Sensitivity(layers, histograms, f32, quantized, instruments.scored)


def _count(histograms: Mapping[str, Histogram], found: Arrays) -> None:
    for blob, histogram in histograms.items():
        histogram.update(found[blob])


class _Error:
    """Sums over a stream of a blob's values as they are and as they should be."""

    def __init__(self) -> None:
        self._signal = self._noise = self._other = self._product = 0.0

    def update(self, exact: Array, found: Array) -> None:
        """Take in the next images."""
        x, y = exact.astype(np.float64).ravel(), found.astype(np.float64).ravel()
        self._signal += float(x @ x)
        self._other += float(y @ y)
        self._product += float(x @ y)
        self._noise += float(np.square(x - y).sum())

    @property
    def sqnr_db(self) -> float | None:
        """The signal to noise ratio in decibels; None where nothing differs, or the signal is 0."""
        return 10 * log10(self._signal / self._noise) if self._noise > 0 and self._signal > 0 else None

    @property
    def cosine(self) -> float:
        """The cosine of the angle between both."""
        length = np.sqrt(self._signal * self._other)
        return float(self._product / length) if length > 0 else 1.0


class _Scores:
    """Accuracies of nets of which some layers read integers."""

    def __init__(self, net: Net, quantized: Net, instruments: Instruments, progress: Progress | None, nets: int):
        self._net, self._quantized, self._accuracy = net, quantized, instruments.accuracy
        self._progress, self._done, self._nets = progress, 0, nets

    def of(self, names: Collection[str]) -> float | None:
        """Return the accuracy with these layers quantized; None where it cannot be measured."""
        if self._accuracy is None:
            return None
        found = self._accuracy(mixed({F32: self._net, INT8: self._quantized}, dict.fromkeys(names, INT8)))
        self._done += 1
        if self._progress:
            self._progress(self._done, self._nets)
        return found
