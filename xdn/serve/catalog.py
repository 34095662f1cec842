"""Which versions of which models there are, what state they are in, and the lines of those that are ready."""

from collections.abc import Iterator, Mapping

from xdn.serve.line import Line
from xdn.serve.messages import (
    LOADING,
    READY,
    UNAVAILABLE,
    ModelMetadata,
    ModelState,
    UnavailableError,
    UnknownModelError,
)


class Catalog:
    """Models by name and version."""

    def __init__(self) -> None:
        self._ready: dict[str, dict[str, Line]] = {}
        self._states: dict[tuple[str, str], ModelState] = {}

    def find(self, model: str, version: str = "") -> Line:
        """Return the line of a version that is ready, the latest one for "".

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

    def metadata(self, model: str, version: str = "") -> ModelMetadata:
        """Return what is known of a version that is ready; errors as those of `find`."""
        own = self.find(model, version).model.metadata
        versions = tuple(sorted(self._ready[model], key=int))
        return ModelMetadata(own.name, versions, own.platform, own.inputs, own.outputs)

    def index(self) -> tuple[ModelState, ...]:
        """Return the states of all versions, by name and number."""
        return tuple(
            state for _, state in sorted(self._states.items(), key=lambda item: (item[0][0], _number(item[0][1])))
        )

    def lines(self) -> Iterator[Line]:
        """Yield those of all versions that are ready."""
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

    def replace(self, model: str, ready: Mapping[str, Line]) -> list[Line]:
        """Put versions of a model in place of those that are ready, and return these."""
        before = self._ready.pop(model, {})
        self.failed(model, dict.fromkeys(before, "unloaded"))
        if ready:
            self._ready[model] = dict(ready)
            self._states.pop((model, ""), None)
        for version in ready:
            self._states[model, version] = ModelState(model, version, READY)
        return list(before.values())


def _number(version: str) -> int:
    return int(version or 0)
