"""What an optimizer stage is: a function `Net -> Net` that gives its reasons."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import ClassVar

from xdn.graph import Net
from xdn.registry import Registry

#: Groups of stages: what plain Caffe can say, what only an `xdn_param` can, and what of this changes how layers read
#: their bottoms, and with that what is computed: it is done where it is asked for.
PLAIN = "plain"
POST_FUSION = "post-fusion"
READING = "reading"


@dataclass(frozen=True)
class Note:
    """What a stage did at one place, or why it did nothing there.

    Parameters
    ----------
    layer : str
        The layer's name in the net before the stage.
    text : str
        What happened to it, a sentence without its subject and without a final full stop.
    """

    layer: str
    text: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.text}"


@dataclass(frozen=True)
class Rewrite:
    """What a stage made of a net.

    Parameters
    ----------
    net : Net
        The new net; the very net that was given where there are no changes.
    changes : tuple of Note
        One for each place that was changed.
    refusals : tuple of Note
        One for each place that looked like a match but was not taken, with the reason.
    """

    net: Net
    changes: tuple[Note, ...] = ()
    refusals: tuple[Note, ...] = ()


class Stage(ABC):
    """A rewriting of nets that keeps what they compute; its docstring states the algebra.

    The first line of a stage's docstring is what `xdn-optimize --list` prints of it.
    """

    group: ClassVar[str] = PLAIN
    #: Whether a net that the stage has made can be written to files.
    in_files: ClassVar[bool] = True
    #: Names of the stages that come first where both run.
    after: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def apply(self, net: Net) -> Rewrite:
        """Return the rewritten net and the reasons; `net` itself stays as it is."""


#: Every stage, by name.
STAGES: Registry[type[Stage]] = Registry(
    "optimizer stage", "xdn.optimize.eliminate", "xdn.optimize.fuse", "xdn.optimize.quantize"
)


def stage_names(group: str = PLAIN, *others: str) -> tuple[str, ...]:
    """Return the names of the stages of a group, or of several together, in the order in which they run."""
    sorter = TopologicalSorter({name: found.after for name, found in STAGES.items()})
    return tuple(name for name in sorter.static_order() if STAGES[name].group in (group, *others))
