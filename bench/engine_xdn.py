"""XDN itself."""

from collections.abc import Iterable, Iterator

import numpy as np
from engine import Engine, Model, register

from xdn.data import Dataset
from xdn.evaluate.answers import classify
from xdn.session import Session


@register
class Xdn(Engine):
    """XDN: one session for every batch size; images are converted inside its workers."""

    name = "xdn"
    distribution = "xdn"
    # A call hands out chunks of 192 images to the threads: several for each make the waiting at its end short.
    own_batches = (1920,)

    def __init__(self, model: Model, threads: int):
        super().__init__(model, threads)
        self._session = Session(model.read_net(), threads=threads)

    def configure(self, batch: int, variant: str) -> None:
        """Nothing to set: the batch is free."""

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
