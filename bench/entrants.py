"""The engines that take part in a comparison."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine import Engine, Made, Model, engine_class, titled, tried

from xdn.cli.common import Output


@dataclass
class Entrants:
    """Engines that take part, and why others do not.

    Parameters
    ----------
    output : Output
        Is told of those that do not.
    engines : dict
        Title -> engine.
    missing : dict
        Title -> why it takes no part.
    """

    output: Output
    engines: dict[str, Engine] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def enter(self, names: Sequence[str], model: Model, threads: int) -> None:
        """Make the engines called `names` for a model."""
        for name in names:
            title = titled(name, model.precision)
            engine, why = tried(name, lambda name=name: engine_class(name).made(model, threads))
            if engine is None:
                self._leave_out(title, why)
            else:
                self.engines[title] = engine

    def results(self, action: Callable[[Engine], Made]) -> dict[str, Made]:
        """Return title -> what `action` gives for the engine; those for which it fails take part no longer."""
        found = {}
        for title, engine in list(self.engines.items()):
            result, why = tried(engine.name, lambda engine=engine: action(engine))
            if result is None:
                del self.engines[title]
                self._leave_out(title, why)
            else:
                found[title] = result
        return found

    def _leave_out(self, title: str, why: str) -> None:
        self.missing[title] = why
        self.output.log(f"{title}: {why}")
