"""Which schedule runs so many images: vectors of images, or vectors of channels; the one that should take less time.

A roofline tells what each layer takes in both (`xdn/kernels/core/work.py`): of many images the batch schedule fills all
vectors and reads weights once for several blocks, and the channel schedule moves smaller blobs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from xdn import settings
from xdn.codegen.target import Target
from xdn.errors import UnsupportedError
from xdn.graph import Net, Shape
from xdn.kernels.core.family import select
from xdn.kernels.core.layout import BATCH, CHANNEL, BlockLayout, Schedule
from xdn.kernels.core.tables import sharing
from xdn.kernels.core.work import Phase, cycles_of
from xdn.kernels.move.images import conversion_phases
from xdn.runtime.configuration import DEFAULT, Configuration
from xdn.runtime.cpu.entries import quantized_inputs
from xdn.runtime.cpu.plan import lowerings, probe, rule_setting
from xdn.runtime.needs import block_fits

#: A block of which so many parts would be empty is not asked for.
_EMPTY_PARTS = 4
#: For how many shapes and numbers of images the answer is remembered.
_MOST_CHOSEN = 256


class _Layer(NamedTuple):
    """What a layer takes, and whether its weights outweigh its blobs, so that it takes a whole chunk at once."""

    phases: tuple[Phase, ...]
    heavy: bool


class ScheduleRule:
    """Chooses the schedule for a net where the caller leaves it open.

    Parameters
    ----------
    net : Net
        With weights.
    threads : int
        Workers at most.
    target : Target
        The processor, with its rates.
    configuration : Configuration
        How layers are computed.
    """

    def __init__(self, net: Net, threads: int, target: Target, configuration: Configuration = DEFAULT):
        self._net, self._threads, self._target, self._configuration = net, threads, target, configuration
        #: Shapes of images -> what the layers take in both schedules; None where blocks of images do not fit.
        self._known: dict[object, Mapping[Schedule, Sequence[_Layer]] | None] = {}
        #: Shapes and a number of images -> the schedule: asked before each run.
        self._chosen: dict[object, Schedule] = {}

    def schedule(self, shapes: Mapping[str, Shape], images: int) -> Schedule:
        """Return the schedule that should be faster for so many images of `shapes` (of one image, by name)."""
        if images * _EMPTY_PARTS <= self._target.block_images:
            return CHANNEL
        key = tuple(shapes.items()), images
        if key not in self._chosen:
            if len(self._chosen) == _MOST_CHOSEN:
                self._chosen.clear()
            self._chosen[key] = self._faster(shapes, images)
        return self._chosen[key]

    def _faster(self, shapes: Mapping[str, Shape], images: int) -> Schedule:
        """Return the schedule whose layers take less time together."""
        layers = self._layers(shapes)
        if layers is None:
            return CHANNEL
        return min(layers, key=lambda schedule: self._cycles(schedule, layers[schedule], images))

    def _layers(self, shapes: Mapping[str, Shape]) -> Mapping[Schedule, Sequence[_Layer]] | None:
        """Return what the layers take for images of these shapes."""
        key = tuple(shapes.items())
        if key not in self._known:
            if len(self._known) == settings.PLANS_KEPT:
                self._known.clear()
            fits = block_fits(self._net, shapes, self._target.block_images, self._threads)
            self._known[key] = self._lowered(shapes) if fits else None
        return self._known[key]

    @sharing()
    def _lowered(self, shapes: Mapping[str, Shape]) -> Mapping[Schedule, Sequence[_Layer]] | None:
        """Return what the layers take; None where the batch schedule has no kernels for all of them."""
        found, sized = {}, probe(self._net, shapes)
        for schedule in (BATCH, CHANNEL):
            found[schedule] = [_Layer(phases, False) for phases in self._conversions(sized, schedule)]
            for lowering in lowerings(sized, sized.outputs, self._target, schedule, self._configuration):
                try:
                    phases = select(lowering).phases(lowering)
                except UnsupportedError:
                    return None
                weight_bytes = sum(weight.nbytes for weight in lowering.layer.weights.values())
                heavy = weight_bytes > self._configuration.heavy_weights * lowering.blob_bytes
                found[schedule].append(_Layer(phases, heavy))
        return found

    def _conversions(self, net: Net, schedule: Schedule) -> Iterator[tuple[Phase, ...]]:
        """Yield what it takes to convert the inputs and the outputs."""
        quantized = {name: layer.tops[0] for name, layer in quantized_inputs(net, net.outputs).items()}
        loaded = [name for name in net.inputs if name not in quantized]
        for op, names in (
            ("load_planes", loaded),
            ("quantize_planes", quantized.values()),
            ("store_planes", net.outputs),
        ):
            for name in names:
                yield conversion_phases(op, BlockLayout.of(net.blobs[name], self._target, schedule))

    def _cycles(self, schedule: Schedule, layers: Sequence[_Layer], images: int) -> float:
        """Return the cycles that the thread with the most images has."""
        blocks = -(-images // schedule.block_images(self._target))
        replicas = min(blocks, self._threads)
        own = -(-blocks // replicas)
        members = self._threads // replicas if schedule is CHANNEL else 1
        at = replace(rule_setting(self._net, schedule, self._target), threads=replicas * members, members=members)
        light, heavy = (replace(at, blocks=count) for count in (1, min(own, at.blocks)))
        return own * sum(
            cycles_of(layer.phases, self._target.rates, heavy if layer.heavy else light) for layer in layers
        )
