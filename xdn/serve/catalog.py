"""Which versions of which models there are, what state they are in, and what belongs to those that are ready."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from xdn.serve.messages import LOADING, READY, UNAVAILABLE, ModelState, UnavailableError, UnknownModelError

T = TypeVar("T")


class Catalog(Generic[T]):
    """Models by name and version, with something for each version that is ready, such as its line."""

    def __init__(self) -> None:
        self._ready: dict[str, dict[str, T]] = {}
        self._states: dict[tuple[str, str], ModelState] = {}

    def find(self, model: str, version: str = "") -> T:
        """Return what belongs to a version that is ready, the latest one for "".

        Raises
        ------
        UnknownModelError
            Where there is no such model, or version.
        UnavailableError
            Where it is not ready; the message says why.
        """
        ready = self._ready.get(model, {})
        if ready and not version:
            return ready[max(ready, key=int)]
        if version in ready:
            return ready[version]
        states = [each for each in self._states.values() if each.name == model and version in ("", each.version)]
        named = f"{model[:128]!r}" + (f", version {version[:32]!r}" if version else "")
        if not states:
            raise UnknownModelError(f"there is no model {named}")
        reason = states[-1].reason or states[-1].state.lower()
        raise UnavailableError(f"the model {named} is not ready: {reason}")

    def versions(self, model: str) -> tuple[str, ...]:
        """Return the versions of a model that are ready, the latest last."""
        return tuple(sorted(self._ready.get(model, {}), key=int))

    def index(self) -> tuple[ModelState, ...]:
        """Return the states of all versions, by name and number."""
        return tuple(
            state for _, state in sorted(self._states.items(), key=lambda item: (item[0][0], _number(item[0][1])))
        )

    def ready(self) -> Iterator[T]:
        """Yield what belongs to each version that is ready."""
        for versions in self._ready.values():
            yield from versions.values()

    def loading(self, model: str, version: str) -> None:
        """Take note that a version is being loaded; one that is ready stays so meanwhile."""
        if version not in self._ready.get(model, {}):
            self._states[model, version] = ModelState(model, version, LOADING)

    def failed(self, model: str, reasons: Mapping[str, str]) -> None:
        """Take note why versions could not be loaded; those that are ready stay so."""
        for version, reason in reasons.items():
            if version not in self._ready.get(model, {}):
                self._states[model, version] = ModelState(model, version, UNAVAILABLE, reason)

    def replace(self, model: str, ready: Mapping[str, T]) -> list[T]:
        """Put versions of a model in place of those that are ready, and return these."""
        before = self._ready.pop(model, {})
        self.failed(model, dict.fromkeys(before, "unloaded"))
        if ready:
            self._ready[model] = dict(ready)
            self._states.pop((model, ""), None)
        for version in ready:
            self._states[model, version] = ModelState(model, version, READY)
        return list(before.values())

    def told(self, states: Iterable[ModelState], ready: Mapping[str, Mapping[str, T]]) -> None:
        """Take over another catalog's states, and something for each version that is ready there."""
        self._states = {(state.name, state.version): state for state in states}
        self._ready = {model: dict(versions) for model, versions in ready.items()}


def _number(version: str) -> int:
    return int(version or 0)
