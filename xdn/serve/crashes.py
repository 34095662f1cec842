"""Which models workers died of while they loaded them, and those that are given up for it."""

from collections import Counter

from xdn import settings
from xdn.serve.messages import UNAVAILABLE, ModelState


class Crashes:
    """Counts the workers that died while they loaded a model, one after the other."""

    def __init__(self) -> None:
        self._loading = ""
        self._deaths: Counter[str] = Counter()

    def loading(self, model: str) -> None:
        """Take note of the model that is being loaded, "" after its end, be it ready or refused."""
        if not model:
            self._deaths.pop(self._loading, None)
        self._loading = model

    def died(self) -> str:
        """Take note that a worker has died, and return the model that it was loading, "" for none."""
        model, self._loading = self._loading, ""
        if model:
            self._deaths[model] += 1
        return model

    def given_up(self) -> tuple[ModelState, ...]:
        """Return the states of the models that workers to come do without."""
        reason = "{} workers died while they loaded it; a request to load it tries again"
        most = settings.SERVED_DEATHS
        given_up = (model for model, deaths in self._deaths.items() if deaths >= most)
        return tuple(ModelState(model, "", UNAVAILABLE, reason.format(self._deaths[model])) for model in given_up)
