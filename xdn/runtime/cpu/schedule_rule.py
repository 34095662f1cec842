"""Which schedule runs so many images: vectors of images, or vectors of channels."""

from collections.abc import Mapping

from xdn import settings
from xdn.codegen.target import host_target
from xdn.graph import Net, Shape
from xdn.kernels.core.layout import BATCH, CHANNEL, Schedule
from xdn.runtime.cpu.traffic import bytes_per_mac
from xdn.runtime.needs import block_fits


class ScheduleRule:
    """Chooses the schedule for a net where the caller leaves it open.

    Parameters
    ----------
    net : Net
        With weights.
    threads : int
        Workers at most.
    """

    def __init__(self, net: Net, threads: int):
        self._net, self._threads, self._block = net, threads, host_target().block_images
        #: Shapes of images -> whether the channel schedule is better for them, however many there are.
        self._known: dict[object, bool] = {}

    def schedule(self, shapes: Mapping[str, Shape], images: int) -> Schedule:
        """Return the schedule that should be faster for so many images of `shapes` (of one image, by name)."""
        return CHANNEL if self._few(images) or self._one_by_one(shapes) else BATCH

    def _few(self, images: int) -> bool:
        """Return whether so few images are faster one by one: blocks of the batch schedule would be half empty."""
        fullest = -(-images // (self._block * self._threads)) * self._block
        return images < settings.BATCH_IMAGE_TIME * fullest * self._threads

    def _one_by_one(self, shapes: Mapping[str, Shape]) -> bool:
        """Return whether blocks of the batch schedule move too much, or are too large for the memory."""
        key = tuple(shapes.items())
        if key not in self._known:
            if len(self._known) == settings.PLANS_KEPT:
                self._known.clear()
            self._known[key] = self._moves_much(shapes) or not self._fits(shapes)
        return self._known[key]

    def _moves_much(self, shapes: Mapping[str, Shape]) -> bool:
        """Return whether blocks of the batch schedule would pass the memory again and again for little arithmetic."""
        return bytes_per_mac(self._net, shapes) > settings.MOST_BYTES_PER_MAC

    def _fits(self, shapes: Mapping[str, Shape]) -> bool:
        """Return whether the memory is large enough for blocks of the batch schedule."""
        return block_fits(self._net, shapes, self._block, self._threads)
