"""From a net to a session that computes it in the numbers that are asked for, or in the fastest that err little enough.

>>> in_precision(net, "int8", data).session
>>> in_precision(net, "auto", data, max_drop=0.5).verdict
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from xdn import api, settings
from xdn.data import Dataset
from xdn.data.dataset import Progress
from xdn.data.random_images import RandomImages
from xdn.errors import SettingError, UnsupportedError
from xdn.evaluate.scores import Scores
from xdn.graph import Array, Bf16, Net
from xdn.instruments import calibration, calibration_places, pixels_at
from xdn.kernels.core.choice import BF16, BF16X3, F32, PRECISIONS
from xdn.optimize import PLAIN, POST_FUSION, READING, STAGES, apply_stages, stage_names
from xdn.optimize.quantize.calibrate import Calibrated, calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.fastest import INT8
from xdn.optimize.quantize.instruments import Instruments
from xdn.optimize.quantize.mixed import in_mixed_precision
from xdn.optimize.quantize.prepare import in_f32
from xdn.session import Session
from xdn.tune.precision import Judge, weighed
from xdn.tune.verdict import Verdict

#: Each layer reads what is fastest for it; the fastest for the whole net whose error stays within a bound.
MIXED, AUTO = "mixed", "auto"
#: What a net can be computed in.
ASKED = (*PRECISIONS, INT8, MIXED, AUTO)
#: Of what layers are to read images decide.
CALIBRATING = (INT8, MIXED, AUTO)
#: What `AUTO` chooses from, the most exact of the whole net first.
CANDIDATES = (F32, BF16X3, BF16, INT8, MIXED)
#: Text -> what is told how much of what it names is done.
Shown = Callable[[str], Progress]


@dataclass(frozen=True, eq=False)
class Opened:
    """A session, and how it was found.

    Parameters
    ----------
    session : Session
    precision : str
        One of `CANDIDATES`, or another that was asked for.
    calibrated : Calibrated or None
        Where the net was calibrated for it.
    verdict : Verdict or None
        Where it was chosen from several.
    """

    session: Session
    precision: str
    calibrated: Calibrated | None = None
    verdict: Verdict | None = None


def in_precision(
    net: Net,
    precision: str,
    data: Dataset | None = None,
    *,
    max_drop: float | None = None,
    scores: Scores | None = None,
    batch: int | None = None,
    shown: Shown | None = None,
    **options: Any,
) -> Opened:
    """Return a session of `net` that computes in `precision`.

    For ``"int8"`` a net none of whose layers says that it reads 8-bit integers is calibrated first. In ``"mixed"`` each
    layer reads f32, bf16 or 8-bit integers, whatever is fastest on this machine, as far as errors allow. ``"auto"`` is
    what is fastest of f32, bf16x3, bf16, int8 and mixed, among those whose error is small enough.

    Parameters
    ----------
    net : Net
        With weights.
    precision : str
        One of `ASKED`.
    data : Dataset, optional
        Images for calibration, and others of it for errors, such as `xdn.instruments.training_images` finds.
    max_drop : float, optional
        How many points of a hundred of the images may lose their label; of ``"auto"`` and ``"mixed"``,
        `settings.MAX_DROP` by default. For ``"int8"`` as many layers stay in f32 as it needs.
    scores : Scores, optional
        Where the net tells the classes of `data`; without it drops are of equal labels, not of correct ones.
    batch : int, optional
        Images of a call that is timed.
    shown : callable, optional
        Told of progress.
    options
        As `Session` takes them, but for `precision`.

    Raises
    ------
    SettingError
        Images are needed, and there are none; or a bound belongs to another precision.
    """
    shown = shown or (lambda text: lambda done, total: None)
    if max_drop is not None and precision not in CALIBRATING:
        mend = f"Say the precision {AUTO}, {MIXED}, or {INT8}"
        raise SettingError("nothing is chosen by how much accuracy drops", where="max_drop", mend=mend)
    if not needs_images(net, precision, max_drop):
        return Opened(Session(net, precision=F32 if precision == INT8 else precision, **options), precision)
    if data is None:
        raise SettingError(f"{precision} needs images", where="precision", mend="Give data that the net reads")
    if precision == AUTO:
        return _fastest(net, data, _judge(net, data, scores, batch), max_drop, shown, options)
    if precision == MIXED and max_drop is None:
        max_drop = settings.MAX_DROP
    config = CalibrationConfig(images=settings.CALIBRATION_IMAGES)
    found, _ = calibrated(fused(in_f32(net)), data, config, max_drop, shown, bf16=precision == MIXED)
    return Opened(Session(found.net, **options), precision, found)


def needs_images(net: Net, precision: str, max_drop: float | None = None) -> bool:
    """Return whether `in_precision` has to choose scales, or to measure errors."""
    there = reads_integers(net) and max_drop is None
    return precision in (MIXED, AUTO) or (precision == INT8 and not there)


def reads_integers(net: Net) -> bool:
    """Return whether some layer says as what 8-bit integers it reads."""
    return any(layer.integers for layer in net.layers)


def calibrated(
    net: Net, data: Dataset, config: CalibrationConfig, max_drop: float | None, shown: Shown, *, bf16: bool = False
) -> tuple[Calibrated, Instruments]:
    """Return a fused net with scales for 8-bit integers by images of `data`, and what was used.

    With `max_drop`, points of a hundred, layers stay in f32 where that is faster, and until accuracy on other images of
    `data` is within it; with `bf16` layers read bf16, too, where that is faster.
    """
    tools = calibration(net, data, config.images)
    found = calibrate(net, config, tools, shown("calibrate"))
    if max_drop is not None:
        in_bf16 = reading_bf16(found.real) if bf16 else None
        found = in_mixed_precision(found, tools, max_drop / 100, shown("mixed precision"), in_bf16)
    return found, tools


def reading_bf16(net: Net) -> Net:
    """Return a net whose layers read bf16 that can once it is fused, as far as they do not say what they read."""
    marked = apply_stages(net, (*_fusing(), *stage_names(READING)))
    names = {layer.name for layer in marked.layers if layer.reads_bf16}
    layers = (
        layer.replace(quantized=(Bf16(),) * len(layer.bottoms)) if layer.name in names else layer
        for layer in net.layers
    )
    return net.replace(layers=tuple(layers))


def fused(net: Net) -> Net:
    """Return a net as the optimizer writes it with all that can be fused: what is fused is not rounded."""
    return apply_stages(net, (*stage_names(PLAIN), *_fusing()))


def _fusing() -> tuple[str, ...]:
    """Return the stages that fuse, as far as files can say what they make."""
    return tuple(name for name in stage_names(POST_FUSION) if STAGES[name].in_files)


def _fastest(
    net: Net, data: Dataset, judge: Judge, max_drop: float | None, shown: Shown, options: Mapping[str, Any]
) -> Opened:
    """Measure all candidates, and open the session of the one that is taken."""
    bound = settings.MAX_DROP if max_drop is None else max_drop
    nets = _Candidates(net, data, judge, bound, shown)
    candidates = {name: partial(nets.opened, name, **dict(options) | {"profile": False}) for name in CANDIDATES}
    verdict = weighed(candidates, judge, bound, shown("precisions"))
    return Opened(nets.opened(verdict.taken, **options), verdict.taken, nets.calibrated.get(verdict.taken), verdict)


class _Candidates:
    """What `AUTO` chooses from, made of a net as it is asked for.

    Parameters
    ----------
    net : Net
    data : Dataset
    judge : Judge
    bound : float
        Points.
    shown : callable
    """

    def __init__(self, net: Net, data: Dataset, judge: Judge, bound: float, shown: Shown):
        self._net, self._judge, self._bound, self._shown = net, judge, bound, shown
        self._exact = fused(in_f32(net))
        #: Those for which layers were chosen by images.
        self.calibrated: dict[str, Calibrated] = {}
        if not reads_integers(net):
            config = CalibrationConfig(images=settings.CALIBRATION_IMAGES)
            self.calibrated[INT8], self._tools = calibrated(self._exact, data, config, None, shown)

    def opened(self, name: str, **options: Any) -> Session:
        """Return a session of a candidate; UnsupportedError where there is none of this net."""
        if name == MIXED:
            return Session(self._mixed().net, **options)
        if name != INT8:
            return Session(self._exact, precision=name, **options)
        net = self.calibrated[INT8].net if self.calibrated else self._net
        if not reads_integers(net):
            raise UnsupportedError("no layer can read 8-bit integers")
        return Session(net, **options)

    def _mixed(self) -> Calibrated:
        if not self.calibrated:
            raise UnsupportedError("the net says itself which layers read 8-bit integers")
        if MIXED not in self.calibrated:
            integers = self.calibrated[INT8]
            with closing(Session(self._exact)) as session:
                exact = self._judge.classes(session)
            tools = replace(self._tools, accuracy=partial(self._share, exact))
            found = in_mixed_precision(
                integers, tools, self._bound / 100, self._shown(MIXED), reading_bf16(integers.real)
            )
            if [each.quantized for each in found.net.layers] == [each.quantized for each in integers.net.layers]:
                raise UnsupportedError(f"every layer that can is fastest in {INT8}")
            self.calibrated[MIXED] = found
        return self.calibrated[MIXED]

    def _share(self, exact: Array, net: Net) -> float:
        """Return what share of the judge's images keeps its label, `exact` being what the f32 net says of them."""
        with closing(Session(net)) as session:
            return 1 - self._judge.drop(exact, self._judge.classes(session)) / 100


def _judge(net: Net, data: Dataset, scores: Scores | None, batch: int | None) -> Judge:
    """Return what measures errors: by images of `data` that nets are not calibrated on, where it has others."""
    calibrating, others = calibration_places(len(data), settings.CALIBRATION_IMAGES)
    places = np.sort(others if len(others) else calibrating)
    labels = None if scores is None or isinstance(data, RandomImages) else data.labels[places]
    transform = api.pixel_transform(net, data.shape, data.channel_order)
    return Judge(pixels_at(data, places), transform, labels, scores, batch)
