"""Pruning: units of channels, criteria, schedules, and what takes filters out."""

from xdn.optimize.prune.config import Budget, PruneConfig, Rule
from xdn.optimize.prune.criterion import CRITERIA
from xdn.optimize.prune.instruments import Instruments
from xdn.optimize.prune.locks import BudgetError, Locked
from xdn.optimize.prune.pruner import Pruned, Thinned, prune
from xdn.optimize.prune.schedule import SCHEDULES

__all__ = [
    "CRITERIA",
    "SCHEDULES",
    "Budget",
    "BudgetError",
    "Instruments",
    "Locked",
    "PruneConfig",
    "Pruned",
    "Rule",
    "Thinned",
    "prune",
]
