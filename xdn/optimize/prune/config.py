"""What to prune, by which criterion, down to which budget."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

from xdn import settings
from xdn.errors import SettingError
from xdn.optimize.prune.channels import Group

FILTERS, MACS, PARAMS, SIZE, TIME = "filters", "macs", "params", "macs+params", "time"
_UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_COUNTS, _TIMES = ("", "K", "M", "G"), ("", "us", "ms", "s")
_UNITS_OF = {FILTERS: ("",), MACS: _COUNTS, PARAMS: _COUNTS, SIZE: ("",), TIME: _TIMES}
# Possessive (++): digits are not tried a second time, however many there are.
_BUDGET = re.compile(
    r"(?:(filters|macs|params|macs\+params|time)=)?((?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?)(K|M|G|us|ms|s)?"
)


@dataclass(frozen=True)
class Budget:
    """How much of the net may stay.

    Parameters
    ----------
    kind : str
        ``"filters"``, ``"macs"`` (of an image), ``"params"``, ``"macs+params"`` (the larger of both shares) or
        ``"time"`` (of an image on this machine, in a full batch).
    amount : float
        The share that stays, in (0, 1], or with `absolute` MACs, parameters or seconds.
    absolute : bool
    """

    kind: str
    amount: float
    absolute: bool = False

    forms: ClassVar[str] = (
        "0.3 (of all filters go), macs=0.45, macs=35M, params=0.5, macs+params=0.6, time=0.5, time=300us (stay)"
    )

    @staticmethod
    def parse(text: str) -> "Budget":
        """Return the budget that a text states; raise SettingError for a text of another form."""
        match = _BUDGET.fullmatch(text.strip())
        kind, number, unit = match.groups() if match else ("", "nan", "")
        wanted = _UNITS_OF[kind or FILTERS]
        if match is None or (unit or "") not in wanted:
            mend = f"The forms: {Budget.forms}, or a .prototxt file"
            raise SettingError(f"{text!r} is not a pruning budget", mend=mend)
        amount = float(number) * _UNITS[unit or ""]
        absolute = bool(unit) or (kind in (MACS, PARAMS) and amount > 1)
        if kind is None:
            amount = 1 - amount
        if amount <= 0 or (amount > 1 and not absolute):
            raise SettingError(
                f"the budget {text!r} leaves {amount:g} of the net; more than 0, and 1 at most, can stay"
            )
        return Budget(kind or FILTERS, amount, absolute)

    def __str__(self) -> str:
        unit = "s" if self.absolute and self.kind == TIME else ""
        return f"{self.kind}={self.amount:.10g}{unit}"

    def target(self, whole: float) -> float:
        """Return what may stay of `whole`, in its unit."""
        return self.amount if self.absolute else self.amount * whole


@dataclass(frozen=True)
class Rule:
    """What is done to some groups in place of what the schedule would do.

    Parameters
    ----------
    layer : str
        The name of a layer whose filters the group holds, or a pattern with ``*``, ``?`` and ``[...]``.
    ratio : float, optional
        The share of filters that goes, 0 for none.
    criterion : str, optional
        The criterion by which they are chosen.
    """

    layer: str
    ratio: float | None = None
    criterion: str | None = None

    def __post_init__(self) -> None:
        if self.ratio is not None and not 0 <= self.ratio < 1:
            raise SettingError(f"the ratio {self.ratio:g} of {self.layer!r} is not in [0, 1)")

    def holds_for(self, group: Group) -> bool:
        """Return whether one of the group's layers is meant."""
        return any(fnmatchcase(name, self.layer) for name in group.filters)


@dataclass(frozen=True)
class PruneConfig:
    """Everything that decides which filters go.

    Parameters
    ----------
    budget : Budget
    criterion, schedule : str
        Registered names.
    least : float
        The share of a group's filters that stays in any case.
    inner_first : bool, optional
        Thin joined groups only where the others at their least do not meet the budget: channels that a sum joins carry
        what every block has added. None: so for criteria whose values cannot be compared between groups; the others
        find out themselves what joined channels are worth.
    steps : int
        1 for one shot; more: the budget is approached in so many steps, and importance is measured anew at each.
    reconstruct : bool
        Fit the weights of the layers that read pruned channels to what they computed before, by least squares.
    images : int
        Calibration images.
    seed : int
    rules : tuple of Rule
        The first that holds for a group is followed.
    """

    budget: Budget
    criterion: str = "l2"
    schedule: str = "uniform"
    least: float = settings.PRUNE_LEAST
    inner_first: bool | None = None
    steps: int = 1
    reconstruct: bool = False
    images: int = settings.PRUNE_IMAGES
    seed: int = 0
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise SettingError(f"least is {self.least:g}; it is a share in (0, 1]")
        if self.steps < 1 or self.images < 1:
            raise SettingError(f"steps {self.steps} and images {self.images}; both are 1 or more")

    @property
    def asks(self) -> bool:
        """Whether a share is to go, whatever the net costs: of the budget, or of a rule."""
        of_all = not self.budget.absolute and self.budget.amount < 1
        return of_all or any(rule.ratio for rule in self.rules)

    def rule(self, group: Group) -> Rule:
        """Return the rule for `group`, one without any wish where none holds."""
        return next((rule for rule in self.rules if rule.holds_for(group)), Rule(group.name))

    def criterion_of(self, group: Group) -> str:
        """Return the name of the criterion that chooses among the units of `group`."""
        return self.rule(group).criterion or self.criterion
