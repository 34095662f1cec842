"""The parts of a net, run one after another, and what each of their layers took."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from xdn import memory
from xdn.graph import Array, Blob, Feed, Net
from xdn.kernels.whole.layers import Crew, worked_by
from xdn.runtime.arguments import checked_size
from xdn.runtime.backend import Progress, Run
from xdn.runtime.cpu.plan import Plan
from xdn.runtime.needs import FEWER
from xdn.runtime.parts import NetPart, Part, WholePart, parts_needs
from xdn.runtime.runner import Runner, checked_out
from xdn.runtime.taken import Row, Taken


class Chain:
    """Runs the parts of a net.

    Parameters
    ----------
    net : Net
    parts : sequence of Part
        In the order in which they run.
    runners : mapping
        What runs each net part.
    crew : callable
        Runs the kernels of layers that are computed on whole arrays.
    """

    def __init__(self, net: Net, parts: Sequence[Part], runners: Mapping[NetPart, Runner], crew: Crew):
        self._net, self._parts, self._runners, self._crew = net, parts, runners, crew
        #: Of the latest run: its inputs' shapes and its outputs, for which memory is there, and all blobs' shapes.
        self._sized: tuple[object, Mapping[str, Blob]] | None = None
        #: What the latest run took, for the profile; None where nothing has run yet.
        self.latest: Taken | None = None

    def run(
        self, arrays: Feed, outputs: tuple[str, ...], progress: Progress | None, out: Feed | None
    ) -> dict[str, Array]:
        """Return name -> blob, as `Runner.run` does; `progress` counts parts."""
        begin = time.perf_counter()
        # What is asked for of the inputs is a copy: results belong to the caller.
        blobs = {name: array.copy() if name in outputs else array for name, array in arrays.items()}
        shapes = self._shapes(arrays, outputs)
        taken: list[tuple[Plan, Run] | Row] = []
        for number, part in enumerate(self._parts):
            later = {name for other in self._parts[number + 1 :] for name in other.reads}
            given = tuple(name for name in part.gives if name in later or name in outputs)
            if isinstance(part, WholePart):
                start = time.perf_counter()
                with worked_by(self._crew):
                    tops = part.compute(blobs, shapes)
                layer, ms = part.layer, 1e3 * (time.perf_counter() - start)
                given_shapes = tuple(top.shape[1:] for top in tops.values())
                taken.append(Row(layer.name, layer.type, given_shapes, (), ms, begin_s=start))
                blobs |= tops
            elif given:
                runner = self._runners[part]
                blobs |= runner.run({name: blobs[name] for name in part.reads}, given)
                taken += runner.latest.parts if runner.latest else ()
            if progress:
                progress(number + 1, len(self._parts))
        images = len(next(iter(arrays.values())))
        self.latest = Taken(images, time.perf_counter() - begin, tuple(taken)) if images else self.latest
        results = {name: blobs[name] for name in outputs}
        for name, array in checked_out(out or {}, results).items():
            np.copyto(array, results[name])
            results[name] = array
        return results

    def _shapes(self, arrays: Feed, outputs: tuple[str, ...]) -> Mapping[str, Blob]:
        """Return the shapes of all blobs; MemoryLimitError where they do not fit. Asked once, not in each short run."""
        shapes = {name: array.shape for name, array in arrays.items()}
        known, key = self._sized, (tuple(shapes.items()), outputs)
        if known is not None and known[0] == key:
            return known[1]
        blobs = checked_size(self._net, shapes).blobs
        memory.require(parts_needs(self._parts, outputs, blobs), "running the net in parts", FEWER)
        self._sized = key, blobs
        return blobs
