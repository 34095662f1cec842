"""The parts of a net, run one after another, and what each of their layers took."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xdn import memory
from xdn.graph import Array, Net
from xdn.runtime.arguments import checked_size
from xdn.runtime.backend import Progress, Run
from xdn.runtime.cpu.plan import Plan
from xdn.runtime.needs import FEWER
from xdn.runtime.parts import NetPart, Part, WholePart, parts_needs
from xdn.runtime.peak import measured_peak
from xdn.runtime.profile import LayerProfile, Profile
from xdn.runtime.runner import Runner, checked_out


@dataclass(frozen=True, eq=False)
class _Taken:
    """What the parts of one run took: a plan and its run, or a whole layer's profile, whose share is not known yet."""

    images: int
    seconds: float
    parts: tuple[tuple[Plan, Run] | LayerProfile, ...]


class Chain:
    """Runs the parts of a net.

    Parameters
    ----------
    net : Net
    parts : sequence of Part
        In the order in which they run.
    runners : mapping
        What runs each net part.
    """

    def __init__(self, net: Net, parts: Sequence[Part], runners: Mapping[NetPart, Runner]):
        self._net, self._parts, self._runners = net, parts, runners
        self._latest: _Taken | None = None

    def run(
        self,
        arrays: Mapping[str, Array],
        outputs: tuple[str, ...],
        progress: Progress | None,
        out: Mapping[str, Array] | None,
    ) -> dict[str, Array]:
        """Return name -> blob, as `Runner.run` does; `progress` counts parts."""
        begin = time.perf_counter()
        # What is asked for of the inputs is a copy: results belong to the caller.
        blobs = {name: array.copy() if name in outputs else array for name, array in arrays.items()}
        shapes = checked_size(self._net, {name: array.shape for name, array in arrays.items()}).blobs
        memory.require(parts_needs(self._parts, outputs, shapes), "running the net in parts", FEWER)
        taken: list[tuple[Plan, Run] | LayerProfile] = []
        for number, part in enumerate(self._parts):
            later = {name for other in self._parts[number + 1 :] for name in other.reads}
            given = tuple(name for name in part.gives if name in later or name in outputs)
            if isinstance(part, WholePart):
                start = time.perf_counter()
                tops = part.compute(blobs, shapes)
                taken.append(_whole(part, tops, 1e3 * (time.perf_counter() - start)))
                blobs |= tops
            elif given:
                runner = self._runners[part]
                blobs |= runner.run({name: blobs[name] for name in part.reads}, given)
                taken += [runner.latest] if runner.latest else []
            if progress:
                progress(number + 1, len(self._parts))
        images = len(next(iter(arrays.values())))
        self._latest = _Taken(images, time.perf_counter() - begin, tuple(taken)) if images else self._latest
        results = {name: blobs[name] for name in outputs}
        for name, array in checked_out(out or {}, results).items():
            np.copyto(array, results[name])
            results[name] = array
        return results

    def profile(self, ns_per_tick: float, peak_gflops: float | None) -> Profile | None:
        """Return what each layer took in the latest run of a timed net, None where nothing has run yet.

        Parameters
        ----------
        ns_per_tick : float
            Nanoseconds a tick of the processor's counter.
        peak_gflops : float, optional
            Measured now, with as many threads as the run had at most, where None.
        """
        latest = self._latest
        if latest is None:
            return None
        workers = max((len(taken[1].ticks) for taken in latest.parts if isinstance(taken, tuple)), default=1)
        peak = measured_peak(workers) if peak_gflops is None else peak_gflops
        profiles = [
            Profile.of(*taken, ns_per_tick, peak) if isinstance(taken, tuple) else taken for taken in latest.parts
        ]
        return Profile.joined(profiles, latest.images, 1e3 * latest.seconds, (workers, peak))


def _whole(part: WholePart, tops: Mapping[str, Array], ms: float) -> LayerProfile:
    """Return what a layer took that is computed on whole arrays: its time, of which its share is told later."""
    layer = part.layer
    shapes = tuple(tops[name].shape[1:] for name in layer.tops)
    return LayerProfile(layer.name, layer.type, shapes, (), ms, 0.0, 0, 0.0, 0.0, 0, 0.0)
