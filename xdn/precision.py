"""From a net to a session that computes it in the numbers that are asked for, or in the fastest that err little enough.

>>> in_precision(net, "int8", data).session
>>> in_precision(net, "auto", data, max_drop=0.5).verdict
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from xdn import api, settings
from xdn.data import Dataset
from xdn.data.dataset import Progress
from xdn.data.random_images import RandomImages
from xdn.errors import SettingError, UnsupportedError
from xdn.evaluate.scores import Scores
from xdn.graph import Net
from xdn.instruments import calibration, calibration_places, pixels_at
from xdn.kernels.core.choice import BF16, BF16X3, F32, PRECISIONS
from xdn.optimize import PLAIN, POST_FUSION, STAGES, apply_stages, stage_names
from xdn.optimize.quantize.calibrate import Calibrated, calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.instruments import Instruments
from xdn.optimize.quantize.mixed import with_f32_layers
from xdn.optimize.quantize.prepare import in_f32
from xdn.session import Session
from xdn.tune.precision import Judge, Verdict, weighed

#: Layers that read 8-bit integers; the fastest whose error stays within a bound.
INT8, AUTO = "int8", "auto"
#: What a net can be computed in.
ASKED = (*PRECISIONS, INT8, AUTO)
#: What `AUTO` chooses from, the most exact first.
CANDIDATES = (F32, BF16X3, BF16, INT8)
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

    For ``"int8"`` a net none of whose layers says that it reads 8-bit integers is calibrated first. ``"auto"`` is what
    is fastest on this machine of f32, bf16x3, bf16 and int8, among those whose error is small enough.

    Parameters
    ----------
    net : Net
        With weights.
    precision : str
        One of `ASKED`.
    data : Dataset, optional
        Images for calibration, and others of it for errors, such as `xdn.instruments.training_images` finds.
    max_drop : float, optional
        How many points of a hundred of the images may lose their label; of ``"auto"``, `settings.MAX_DROP` by default.
        For ``"int8"`` as many layers stay in f32 as it needs.
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
    if max_drop is not None and precision not in (INT8, AUTO):
        mend = f"Say the precision {AUTO}, or {INT8}"
        raise SettingError("nothing is chosen by how much accuracy drops", where="max_drop", mend=mend)
    if not needs_images(net, precision, max_drop):
        return Opened(Session(net, precision=F32 if precision == INT8 else precision, **options), precision)
    if data is None:
        raise SettingError(f"{precision} needs images", where="precision", mend="Give data that the net reads")
    if precision == INT8:
        found, _ = calibrated(
            fused(in_f32(net)), data, CalibrationConfig(images=settings.CALIBRATION_IMAGES), max_drop, shown
        )
        return Opened(Session(found.net, **options), INT8, found)
    return _fastest(net, data, _judge(net, data, scores, batch), max_drop, shown, options)


def needs_images(net: Net, precision: str, max_drop: float | None = None) -> bool:
    """Return whether `in_precision` has to choose scales, or to measure errors."""
    there = reads_integers(net) and max_drop is None
    return precision == AUTO or (precision == INT8 and not there)


def reads_integers(net: Net) -> bool:
    """Return whether some layer says as what 8-bit integers it reads."""
    return any(layer.integers for layer in net.layers)


def calibrated(
    net: Net, data: Dataset, config: CalibrationConfig, max_drop: float | None, shown: Shown
) -> tuple[Calibrated, Instruments]:
    """Return a fused net with scales for 8-bit integers by images of `data`, and what was used.

    With `max_drop`, points of a hundred, layers stay in f32 until accuracy on other images of `data` is within it.
    """
    tools = calibration(net, data, config.images)
    found = calibrate(net, config, tools, shown("calibrate"))
    if max_drop is not None:
        found = with_f32_layers(found, tools, max_drop / 100, shown("mixed precision"))
    return found, tools


def fused(net: Net) -> Net:
    """Return a net as the optimizer writes it with all that can be fused: what is fused is not rounded."""
    return apply_stages(
        net, (*stage_names(PLAIN), *(name for name in stage_names(POST_FUSION) if STAGES[name].in_files))
    )


def _fastest(
    net: Net, data: Dataset, judge: Judge, max_drop: float | None, shown: Shown, options: Mapping[str, Any]
) -> Opened:
    """Measure all candidates, and open the session of the one that is taken."""
    exact, found = fused(in_f32(net)), None
    integers = net
    if not reads_integers(net):
        found, _ = calibrated(exact, data, CalibrationConfig(images=settings.CALIBRATION_IMAGES), None, shown)
        integers = found.net

    def opened(name: str, **more: Any) -> Session:
        """Return a session of a candidate."""
        if name != INT8:
            return Session(exact, precision=name, **dict(options) | more)
        if not reads_integers(integers):
            raise UnsupportedError("no layer can read 8-bit integers")
        return Session(integers, **dict(options) | more)

    candidates = {name: partial(opened, name, profile=False) for name in CANDIDATES}
    bound = settings.MAX_DROP if max_drop is None else max_drop
    verdict = weighed(candidates, judge, bound, shown("precisions"))
    return Opened(opened(verdict.taken), verdict.taken, found if verdict.taken == INT8 else None, verdict)


def _judge(net: Net, data: Dataset, scores: Scores | None, batch: int | None) -> Judge:
    """Return what measures errors: by images of `data` that nets are not calibrated on, where it has others."""
    calibrating, others = calibration_places(len(data), settings.CALIBRATION_IMAGES)
    places = np.sort(others if len(others) else calibrating)
    labels = None if scores is None or isinstance(data, RandomImages) else data.labels[places]
    transform = api.pixel_transform(net, data.shape, data.channel_order)
    return Judge(pixels_at(data, places), transform, labels, scores, batch)
