"""Which schedule runs so many images: vectors of images, or vectors of channels."""

from collections.abc import Mapping

from xdn import settings
from xdn.codegen.target import host_target
from xdn.graph import Net, Shape
from xdn.graph.cost import layer_cost
from xdn.kernels.core.layout import BATCH, CHANNEL, BlockLayout, Schedule
from xdn.runtime.needs import block_fits

#: How many times a core's own cache the blobs of a layer may be for the next layer to find them in a shared one.
_SHARED_CACHE = 8


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
        """Return whether blocks of the batch schedule move much for little arithmetic, or are too large to fit."""
        key = tuple(shapes.items())
        if key not in self._known:
            if len(self._known) == settings.PLANS_KEPT:
                self._known.clear()
            moves_much = bytes_per_mac(self._net, shapes) > settings.MOST_BYTES_PER_MAC
            self._known[key] = moves_much or not block_fits(self._net, shapes, self._block, self._threads)
        return self._known[key]


def bytes_per_mac(net: Net, shapes: Mapping[str, Shape]) -> float:
    """Return the bytes that layers move for each multiply-accumulate of the direct sums, in the batch schedule.

    What a layer reads and writes counts where a block of it is larger than a core's part of the caches: 32 images of
    224x224 pixels pass the memory in every layer, while of one image a cache keeps what the next layer reads.

    Parameters
    ----------
    net : Net
    shapes : mapping
        Input -> shape of one image.
    """
    target = host_target()
    sized = net.reshape({name: (1, *shape) for name, shape in shapes.items()})
    moved, macs = 0, 0
    for layer in sized.layers:
        blobs = {*layer.bottoms, *layer.tops}
        block_bytes = sum(BlockLayout.of(sized.blobs[blob], target).block_bytes for blob in blobs)
        if block_bytes > _SHARED_CACHE * target.core_cache_bytes and not layer.params.is_input:
            moved += block_bytes // target.block_images
        macs += layer_cost(sized, layer).macs
    return moved / max(macs, 1)
