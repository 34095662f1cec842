"""Which layers pruning cannot thin, and what keeps their filters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xdn.errors import SettingError
from xdn.graph import Array, ChannelRule, Net
from xdn.optimize.prune.ties import Lock, Ties

#: Layers, and locks of a layer, that a message names; of more their number is said.
NAMED = 3


@dataclass(frozen=True)
class Locked:
    """A layer of which some filters can never go.

    Parameters
    ----------
    layer, type : str
    filters, of : int
        Those that stay in any case, and all of the layer.
    by : tuple of Lock
        What keeps them; empty where all of them are tied to one another by what reads them.
    """

    layer: str
    type: str
    filters: int
    of: int
    by: tuple[Lock, ...]

    def __str__(self) -> str:
        which = f"all {self.of} filters" if self.filters == self.of else f"{self.filters} of {self.of} filters"
        return f"{which} of {self.layer!r} ({self.type}) stay: {self.reason}"

    @property
    def reason(self) -> str:
        """What keeps the filters, in words; of many locks the first few."""
        more = f", and {len(self.by) - NAMED} more" if len(self.by) > NAMED else ""
        return ", and ".join(map(str, self.by[:NAMED])) + more if self.by else "they can only go together"


class BudgetError(SettingError):
    """A pruning budget cannot be met.

    Parameters
    ----------
    what, mend : str
        As `SettingError` takes them; the locked layers are added to `what`.
    locked : sequence of Locked
    """

    def __init__(self, what: str, locked: Sequence[Locked], mend: str | None = None):
        self.locked = tuple(locked)
        named = [str(each) for each in self.locked[:NAMED]]
        if len(self.locked) > NAMED:
            named.append(f"and so on, {len(self.locked)} layers (--json names them all)")
        super().__init__("; ".join([what, *named]), mend=mend)


def locked_layers(net: Net) -> tuple[Locked, ...]:
    """Return the layers whose filters cannot go, some or all of them, in the order of the net.

    Filters of which all can go together only stay as well, since one unit of a group always does.
    """
    ties = Ties(net)
    component = ties.components(ties.edges)
    keeping = _by_component(component, ties.locks)
    binding = _by_component(component, ties.bonds)
    found = []
    for layer in net.layers:
        if layer.params.is_input or layer.params.channel_rule_for(net.bottom_blobs(layer)) is not ChannelRule.FILTERS:
            continue
        tops = component[ties.nodes(layer.tops[0])]
        kept = np.isin(tops, list(keeping))
        locks = [lock for number in np.unique(tops[kept]).tolist() for lock in keeping[number]]
        if not kept.any() and len(tops) > 1 and len(set(tops.tolist())) == 1:
            kept, locks = np.ones(len(tops), bool), binding.get(int(tops[0]), [])
        if kept.any():
            by = tuple(dict.fromkeys(locks))
            found.append(Locked(layer.name, layer.type, int(kept.sum()), len(tops), by))
    return tuple(found)


def _by_component(component: Array, locks: Sequence[tuple[Array, Lock]]) -> dict[int, list[Lock]]:
    """Return for each component the locks that touch it."""
    found: dict[int, list[Lock]] = {}
    for nodes, lock in locks:
        for number in np.unique(component[nodes[nodes > 0]]).tolist():
            found.setdefault(number, []).append(lock)
    return found
