"""Results by what they are, each with a name that people know it by."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from xdn.kernels.machine.model import Machine
from xdn.report.documents import (
    ContestDocument,
    Document,
    EnginesDocument,
    MachineDocument,
    OptimizeDocument,
    RunDocument,
    TrainDocument,
)

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Results:
    """What a report is made of.

    Parameters
    ----------
    named : tuple of (str, Document)
        In the order in which files were given.
    """

    named: tuple[tuple[str, Document], ...]

    @staticmethod
    def of(files: Sequence[tuple[Path, Document]]) -> "Results":
        """Return the results of files; their names are the files', with folders where these are needed to tell them."""
        stems = [path.name.split(".")[0] for path, _ in files]
        whole = len(set(stems)) < len(stems)
        names = [str(path) if whole else stem for (path, _), stem in zip(files, stems, strict=True)]
        return Results(tuple(zip(names, (document for _, document in files), strict=True)))

    def _all(self, kind: type[D]) -> list[tuple[str, D]]:
        return [(name, document) for name, document in self.named if isinstance(document, kind)]

    @property
    def runs(self) -> list[tuple[str, RunDocument]]:
        """The runs of nets on data."""
        return self._all(RunDocument)

    @property
    def contests(self) -> list[tuple[str, ContestDocument]]:
        """Configurations that were timed in turn."""
        return self._all(ContestDocument)

    @property
    def engines(self) -> list[tuple[str, EnginesDocument]]:
        """Engines that were timed in turn, a net each."""
        return self._all(EnginesDocument)

    @property
    def optimized(self) -> list[tuple[str, OptimizeDocument]]:
        """Nets that were rewritten."""
        return self._all(OptimizeDocument)

    @property
    def trainings(self) -> list[tuple[str, TrainDocument]]:
        """Trainings, and logs of such."""
        return self._all(TrainDocument)

    @property
    def machine(self) -> Machine | None:
        """What the machine gives: as the last run has it, else as a file of its own."""
        ceilings: list[Machine] = [run.ceilings for _, run in self.runs if run.ceilings]
        ceilings += [machine for _, machine in self._all(MachineDocument)]
        return ceilings[0] if ceilings else None
