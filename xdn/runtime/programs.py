"""The programs of a net, one for each shape of images, choice of outputs and schedule; the latest used are kept."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping

from xdn import settings
from xdn.codegen.loader import KernelLoader
from xdn.codegen.target import host_target
from xdn.graph.blob import Shape
from xdn.graph.net import Net
from xdn.kernels.core.layout import BATCH, CHANNEL, SCHEDULES, Schedule
from xdn.kernels.core.packing import PackedWeights, keeping
from xdn.kernels.move.images import PixelSource
from xdn.runtime.configuration import Configuration
from xdn.runtime.needs import block_fits
from xdn.runtime.plan import make_plan
from xdn.runtime.program import Program
from xdn.runtime.traffic import bytes_per_mac


class Programs:
    """Makes programs when they are asked for; safe to use from several threads.

    Parameters
    ----------
    net : Net
        With weights.
    loader : KernelLoader
    threads : int
        Workers at most.
    configuration : Configuration
    timed : bool
        Each step is measured.
    """

    def __init__(self, net: Net, loader: KernelLoader, threads: int, configuration: Configuration, timed: bool = False):
        self._net, self._loader, self._timed = net, loader, timed
        self._threads, self._configuration = threads, configuration
        #: Seconds spent on plans and kernels, and kernels that were compiled because no cache had them.
        self.compile_s, self.kernels_compiled = 0.0, 0
        self._kept: OrderedDict[object, Program] = OrderedDict()
        self._much: dict[object, bool] = {}
        #: What plans of other shapes and outputs need not pack again.
        self._packed = PackedWeights()
        self._lock = threading.Lock()

    def all(self) -> list[Program]:
        """Return the programs that are kept, the one that was used last at the end."""
        return list(self._kept.values())

    def get(
        self,
        shapes: Mapping[str, Shape],
        outputs: tuple[str, ...],
        images: int,
        pixels: tuple[object, PixelSource] | None = None,
    ) -> Program:
        """Return the program for so many images.

        Parameters
        ----------
        shapes : mapping
            Input -> shape of one image.
        outputs : tuple of str
        images : int
        pixels : (object, PixelSource), optional
            A key that names the source, and the source.
        """
        asked = self._configuration.schedule
        with self._lock:
            by_channels = asked is None and (self._few(images) or self._moves_much(shapes) or not self._fits(shapes))
            schedule = SCHEDULES[asked] if asked else CHANNEL if by_channels else BATCH
            return self._one(shapes, outputs, schedule, pixels)

    def _few(self, images: int) -> bool:
        """Return whether so few images are faster one by one: blocks of the batch schedule would be half empty."""
        threads, block = self._threads, host_target().block_images
        fullest = -(-images // (block * threads)) * block
        return images < settings.BATCH_IMAGE_TIME * fullest * threads

    def _fits(self, shapes: Mapping[str, Shape]) -> bool:
        """Return whether the memory is large enough for blocks of the batch schedule."""
        key = ("fits", *shapes.items())
        if key not in self._much:
            self._much[key] = block_fits(self._net, shapes, host_target().block_images, self._threads)
        return self._much[key]

    def _moves_much(self, shapes: Mapping[str, Shape]) -> bool:
        """Return whether blocks of the batch schedule would pass the memory again and again for little arithmetic."""
        key = tuple(shapes.items())
        if key not in self._much:
            if len(self._much) == settings.PLANS_KEPT:
                self._much.clear()
            self._much[key] = bytes_per_mac(self._net, shapes) > settings.MOST_BYTES_PER_MAC
        return self._much[key]

    def _one(
        self,
        shapes: Mapping[str, Shape],
        outputs: tuple[str, ...],
        schedule: Schedule,
        pixels: tuple[object, PixelSource] | None,
    ) -> Program:
        """Return a program that was made before, or make it."""
        key = (tuple(shapes.items()), outputs, schedule.name, pixels and pixels[0])
        program = self._kept.get(key)
        if program is None:
            before, compiled = time.perf_counter(), len(self._loader.stats.compiled)
            with keeping(self._packed):
                plan = make_plan(self._net, shapes, outputs, pixels and pixels[1], schedule, self._configuration)
            program = self._kept[key] = Program(plan, self._loader, self._timed)
            self.compile_s += time.perf_counter() - before
            self.kernels_compiled += len(self._loader.stats.compiled) - compiled
            while len(self._kept) > settings.PLANS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return program
