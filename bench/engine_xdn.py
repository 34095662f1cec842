"""XDN itself."""

from collections.abc import Iterable, Iterator

import numpy as np
from engine import BF16, F32, INT8, Engine, Model, register

from xdn.data import Dataset
from xdn.errors import SettingError, UnsupportedError
from xdn.evaluate.answers import classify
from xdn.evaluate.engines import AS_IT_COMES
from xdn.evaluate.made_up import made_up_feed
from xdn.evaluate.objective import ContestTime
from xdn.graph import Net
from xdn.instruments import run_by_session
from xdn.optimize import POST_FUSION, STAGES, apply_stages, stage_names
from xdn.optimize.check import Arrays
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.instruments import Instruments
from xdn.session import Session
from xdn.tune.store import Key, Store

#: Calibration images that are run at a time.
CALIBRATION_BATCH = 16


def calibrated(net: Net, model: Model) -> Net:
    """Return the net with scales for 8-bit integers, chosen as xdn-optimize --calibrate alone chooses them."""

    def batches() -> Iterator[Arrays]:
        for start in range(0, len(model.calibration), CALIBRATION_BATCH):
            images = model.calibration[start : start + CALIBRATION_BATCH]
            yield {model.input_name: model.transform.apply(images)}

    fused = apply_stages(net, [name for name in stage_names(POST_FUSION) if STAGES[name].in_files])
    return calibrate(fused, CalibrationConfig(), Instruments(batches, run_by_session)).net


@register
class Xdn(Engine):
    """XDN: one session for every batch size, configured as what was tuned and stored; images are converted inside.

    For 8-bit integers it calibrates the net itself, anew each time.
    """

    name = "xdn"
    distribution = "xdn"
    comes_otherwise = True
    quantizer = "xdn"
    takes_bf16 = True
    # A call hands out chunks of 192 images to the threads: several for each make the waiting at its end short.
    own_batches = (1920,)

    def __init__(self, model: Model, threads: int):
        super().__init__(model, threads)
        net = model.read_net()
        net = calibrated(net, model) if model.precision == INT8 else net
        precision = BF16 if model.precision == BF16 else F32
        as_it_comes = Session(net, threads=threads, precision=precision)
        try:
            as_it_comes.run(None, made_up_feed(net, 1))
        except SettingError as error:
            # This machine has no unit for it.
            raise UnsupportedError(str(error)) from None
        result = Store().get(Key.of(as_it_comes.net, ContestTime.name, threads, precision))
        tuned = Session(net, configuration=result.configuration) if result else as_it_comes
        self._sessions = {AS_IT_COMES: as_it_comes, "default": tuned}
        self._session = tuned

    def configure(self, batch: int, variant: str) -> None:
        """Take the session; the batch is free."""
        self._session = self._sessions[variant]

    def weight_bytes(self) -> int:
        """Return the bytes of packed weights and tables that one image reads."""
        return self._session.plan(images=1).weight_bytes

    def infer(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """One call a batch."""
        for x in batches:
            yield self._session.run(None, {self.model.input_name: x})[0]

    def classify(self, packed: Dataset, batch: int) -> np.ndarray:
        """XDN's own way from the packed images to their labels."""
        return classify(self._session, packed.images(), self.model.transform)
