"""A net's operators: layers that are computed alike, the ways to compute them, and how long each layer takes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from statistics import median

from xdn.evaluate.objective import Objective
from xdn.kernels.core.choice import Choice
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import Plan, choices_of
from xdn.runtime.session import Session
from xdn.tune.meter import Make, Meter, Setup
from xdn.tune.space import Axis, Space

#: A measurement of layers: runs at least, and seconds.
_LEAST_RUNS, _RUN_S = 3, 0.1


@dataclass(frozen=True)
class Operator:
    """Layers of the same type, parameters and shapes, with the same fused to them.

    Parameters
    ----------
    layers : tuple of str
        Names.
    space : Space
        The choices for each of them.
    """

    layers: tuple[str, ...]
    space: Space

    @property
    def name(self) -> str:
        """The first layer's."""
        return self.layers[0]


def choice_space(choices: Sequence[Choice]) -> Space:
    """Return the space whose points are `choices`: an axis for each of their fields, `Choice(*point)`."""
    points = [astuple(choice) for choice in choices]
    begun = {point[:length] for point in points for length in range(len(point) + 1)}
    axes = [
        Axis(name, tuple(dict.fromkeys(values)), about)
        for (name, about), values in zip(_FIELDS.items(), zip(*points, strict=True), strict=True)
    ]
    return Space(tuple(axes), lambda values: tuple(values.values()) in begun)


_FIELDS = {
    "algorithm": "direct sums, Winograd's, Strassen's, or BLAS",
    "tile": "rows and vectors of the register tile",
    "order": "of the loops over tiles and panels",
}


def operators_of(session: Session, plan: Plan) -> list[Operator]:
    """Return the operators of a session's net, in the order of a plan, that can be computed in several ways."""
    legal = choices_of(session.net, plan.inputs, session.net.outputs, plan.schedule, session.configuration, plan.target)
    alike: dict[str, list[str]] = {}
    for placed in plan.layers:
        layer = placed.layer
        blobs = [plan.blobs[blob] for blob in (*layer.bottoms, *layer.tops)]
        held = [(blob.shape, blob.element) for blob in blobs]
        alike.setdefault(repr((layer.type, layer.params, held, layer.epilogue)), []).append(layer.name)
    found = [Operator(tuple(names), choice_space(legal[names[0]])) for names in alike.values()]
    return [operator for operator in found if operator.space.size > 1]


def with_choices(configuration: Configuration, schedule: str, chosen: Mapping[Operator, Choice]) -> Configuration:
    """Return a configuration in which the layers of some operators are computed so."""
    layers = {layer: choice for operator, choice in chosen.items() for layer in operator.layers}
    own = {**configuration.choices.get(schedule, {}), **layers}
    return replace(configuration, choices={**configuration.choices, schedule: own})


class LayerMeter(Meter):
    """Measures how long operators take beside a base configuration, all of them in the same runs."""

    def __init__(self, make: Make, objective: Objective, base: Setup):
        super().__init__(partial(make, profile=True), objective, base)

    def ratios(self, configuration: Configuration, share: float, operators: Sequence[Operator]) -> list[float]:
        """Return each operator's time relative to the base's, which is measured before and after it."""
        setup = configuration, self.incumbent[1]
        with self.session(setup) as session:
            before, own, after = self.beside(self._layer_ms, session, setup, share)
        return [
            2
            * sum(own[layer] for layer in operator.layers)
            / sum(before[layer] + after[layer] for layer in operator.layers)
            for operator in operators
        ]

    def _layer_ms(self, session: Session, setup: Setup, share: float) -> Mapping[str, float]:
        """Return the median milliseconds of each layer in some runs."""
        found: dict[str, list[float]] = {}
        runs, end = 0, time.perf_counter() + _RUN_S
        while runs < _LEAST_RUNS or time.perf_counter() < end:
            self._cost(session, setup, share)
            runs += 1
            for layer in session.profile(1.0).layers:
                found.setdefault(layer.name, []).append(layer.ms)
        return {name: median(values) for name, values in found.items()}
