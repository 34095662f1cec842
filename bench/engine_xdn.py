"""XDN itself."""

from collections.abc import Iterable, Iterator

import numpy as np
from engine import AS_IT_COMES, Engine, Model, register

from xdn.data import Dataset
from xdn.evaluate.answers import classify
from xdn.evaluate.objective import ContestTime
from xdn.session import Session
from xdn.tune.store import Key, Store


@register
class Xdn(Engine):
    """XDN: one session for every batch size, configured as what was tuned and stored; images are converted inside."""

    name = "xdn"
    distribution = "xdn"
    comes_otherwise = True
    # A call hands out chunks of 192 images to the threads: several for each make the waiting at its end short.
    own_batches = (1920,)

    def __init__(self, model: Model, threads: int):
        super().__init__(model, threads)
        as_it_comes = Session(model.read_net(), threads=threads)
        result = Store().get(Key.of(as_it_comes.net, ContestTime.name, threads))
        tuned = Session(model.read_net(), configuration=result.configuration) if result else as_it_comes
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
