"""A study's trials on a cluster: nodes that are like this machine measure, and nothing else runs on them meanwhile."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from xdn.errors import DataError, SettingError, XdnError
from xdn.evaluate.objective import Objective
from xdn.ray.cluster import ray_module
from xdn.ray.workers import Baggage
from xdn.tune.meter import Make, Meter, Score, Setup
from xdn.tune.store import here

#: For how long it is waited for nodes to become free, and to start a worker, in seconds.
_FREE_S = 300.0


class _Node:
    """An actor that has all processors of a node, and measures there: one thing after the other."""

    def __init__(self, baggage: Baggage):
        self._baggage = baggage

    @cached_property
    def _meter(self) -> Meter:
        return Meter(*self._baggage.unpacked())

    def facts(self) -> dict[str, Any]:
        """Return the facts of this machine."""
        return here()

    def score(self, setup: Setup, share: float) -> Score:
        """As `Meter.score`."""
        return self._meter.score(setup, share)

    def costs(self, setups: Sequence[Setup], rounds: int) -> list[list[float]]:
        """As `Meter.costs`."""
        return self._meter.costs(setups, rounds)

    def percent_correct(self, setup: Setup) -> float:
        """As `Meter.percent_correct`."""
        return self._meter.percent_correct(setup)

    def full_s(self) -> float:
        """As `Meter.full_s`."""
        return self._meter.full_s()


class ClusterMeter:
    """`xdn.tune.meter.Measures` by the nodes of a cluster that this process has joined.

    An actor has all processors of a node: Ray gives them to nothing else, so that no two measurements are on one
    machine at a time. A score is relative to the incumbent on the same node; costs that are compared are of one node.
    Nodes of another processor, number of cores or version are left out: what is found is stored for this machine.

    Parameters
    ----------
    make : callable
        Configuration -> session of the net.
    objective : Objective
        Its packed file lies where all nodes see it.
    incumbent : (Configuration, int or None)
        What all others are compared with.

    Raises
    ------
    MissingExtraError
        Without Ray.
    SettingError
        Where no node is free that is like this machine.
    """

    def __init__(self, make: Make, objective: Objective, incumbent: Setup):
        self._ray = ray_module()
        baggage = Baggage.packed((make, objective, incumbent))
        self._nodes = self._alike([self._node(each, baggage) for each in self._ray.nodes() if _cpus(each)])
        #: How many nodes measure.
        self.at_once = len(self._nodes)

    def scores(self, setups: Sequence[Setup], share: float) -> Iterator[Score]:
        """Let the nodes measure the setups, whichever is free the next one; yield the scores in order."""
        pool = ray_module("ray.util").ActorPool(self._nodes)
        for setup in setups:
            pool.submit(lambda node, setup: node.score.remote(setup, share), setup)
        while pool.has_next():
            yield self._told(pool.get_next)

    def costs(self, setups: Sequence[Setup], rounds: int) -> list[list[float]]:
        """Return the costs of each setup, in turn on one node."""
        found: list[list[float]] = self._first("costs", setups, rounds)
        return found

    def percent_correct(self, setup: Setup) -> float:
        """Return how many of the objective's images a setup classifies correctly, in percent."""
        return float(self._first("percent_correct", setup))

    def full_s(self) -> float:
        """Return the seconds of a whole measurement of the incumbent."""
        return float(self._first("full_s"))

    def close(self) -> None:
        """Give the nodes back."""
        for node in self._nodes:
            self._ray.kill(node)

    def _node(self, node: dict[str, Any], baggage: Baggage) -> Any:
        """Return an actor that has a node."""
        there = ray_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        return self._ray.remote(_Node).options(num_cpus=_cpus(node), scheduling_strategy=there).remote(baggage)

    def _alike(self, nodes: Sequence[Any]) -> list[Any]:
        """Return the nodes that are free, and like this machine; give the others back."""
        asked = {node.facts.remote(): node for node in nodes}
        free, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=_FREE_S)
        found = [asked[each] for each in free if self._told(lambda each=each: self._ray.get(each)) == here()]
        for node in nodes:
            if node not in found:
                self._ray.kill(node)
        if not found:
            what = f"of {len(nodes)} nodes none is free within {_FREE_S:g} s and like this machine"
            mend = "Tune on such a node, or begin a cluster whose nodes have this processor and version"
            raise SettingError(what, where="--tune --ray", mend=mend)
        return found

    def _first(self, method: str, *arguments: Any) -> Any:
        """Return what the first node's method does."""
        asked = getattr(self._nodes[0], method).remote(*arguments)
        return self._told(lambda: self._ray.get(asked))

    def _told(self, get: Any) -> Any:
        """Return what a node answered; its own errors as they are, and DataError where it was lost."""
        errors = ray_module("ray.exceptions")
        try:
            return get()
        except errors.RayTaskError as error:
            if isinstance(error.cause, XdnError):
                raise error.cause from None
            raise
        except errors.RayActorError as error:
            mend = "Give the same command again: what was measured is on record"
            raise DataError(f"a node that measured was lost: {error}", where="--tune --ray", mend=mend) from None


def _cpus(node: dict[str, Any]) -> float:
    """Return the processors of a node, 0 of one that is gone."""
    return float(node["Resources"].get("CPU", 0)) if node["Alive"] else 0.0
