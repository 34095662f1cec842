"""What a pruning criterion is: how much each unit of a group matters."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from xdn.graph import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.evidence import Evidence
from xdn.registry import Registry


class Criterion(ABC):
    """A measure of how much each unit of a group matters; the first line of the docstring is what `--list` prints."""

    #: Whether values of different groups estimate one quantity; else each group is compared relative to its mean.
    comparable: ClassVar[bool] = False
    #: Whether a value states what is lost with the unit and with all before it; else what is lost with it alone.
    cumulative: ClassVar[bool] = False

    @abstractmethod
    def importance(self, group: Group, evidence: Evidence) -> Array:
        """Return the (U,) importance of the units of `group`, 0 or more; the least important go first."""

    def losses(self, importance: Array) -> Array:
        """Return (U + 1,): what is lost with the n least important units, for every n."""
        rising = np.sort(importance)
        return np.concatenate([[0.0], rising if self.cumulative else np.cumsum(rising)])


#: Every criterion, by name.
CRITERIA: Registry[type[Criterion]] = Registry("pruning criterion", "xdn.optimize.prune.criteria")
