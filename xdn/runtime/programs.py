"""The programs of a net, one for each shape of images, choice of outputs and schedule; the latest used are kept."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from xdn import settings
from xdn.codegen.loader import KernelLoader
from xdn.graph.blob import Shape
from xdn.graph.net import Net
from xdn.kernels.choice import Choice
from xdn.kernels.images import PixelSource
from xdn.kernels.layout import BATCH, CHANNEL, Schedule
from xdn.runtime.plan import make_plan
from xdn.runtime.program import Program


@dataclass(frozen=True)
class Wishes:
    """What all programs of a session have in common.

    Parameters
    ----------
    threads : int
        Workers at most.
    chunk_blocks : int, optional
    winograd : bool
    schedule : Schedule, optional
        None: whichever should be faster.
    timed : bool
        Each step is measured.
    choices : mapping
        Schedule's name -> layer's name -> how it is computed; all others by the rule.
    """

    threads: int
    chunk_blocks: int | None = None
    winograd: bool = True
    schedule: Schedule | None = None
    timed: bool = False
    choices: Mapping[str, Mapping[str, Choice]] = field(default_factory=dict)


class Programs:
    """Makes programs when they are asked for; safe to use from several threads.

    Parameters
    ----------
    net : Net
        With weights.
    loader : KernelLoader
    wishes : Wishes
    """

    def __init__(self, net: Net, loader: KernelLoader, wishes: Wishes):
        self._net, self._loader, self._wishes = net, loader, wishes
        #: Seconds spent on plans and kernels, and kernels that were compiled because no cache had them.
        self.compile_s, self.kernels_compiled = 0.0, 0
        self._kept: OrderedDict[object, Program] = OrderedDict()
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
        schedule = self._wishes.schedule or (CHANNEL if self._few(images) else BATCH)
        with self._lock:
            return self._one(shapes, outputs, schedule, pixels)

    def _few(self, images: int) -> bool:
        """Return whether so few images are faster one by one: blocks of the batch schedule would be half empty."""
        threads, block = self._wishes.threads, BATCH.images
        fullest = -(-images // (block * threads)) * block
        return images < settings.BATCH_IMAGE_TIME * fullest * threads

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
            source, wishes = pixels and pixels[1], self._wishes
            choices = wishes.choices.get(schedule.name)
            plan = make_plan(
                self._net, shapes, outputs, source, wishes.chunk_blocks, wishes.winograd, schedule, choices
            )  # fmt: skip
            program = self._kept[key] = Program(plan, self._loader, wishes.timed)
            self.compile_s += time.perf_counter() - before
            self.kernels_compiled += len(self._loader.stats.compiled) - compiled
            while len(self._kept) > settings.PLANS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return program
