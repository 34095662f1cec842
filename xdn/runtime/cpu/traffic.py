"""How much a net's layers move where vectors are images: blobs of a block that no cache keeps."""

from collections.abc import Mapping

from xdn.codegen.target import core_cache_bytes, host_target
from xdn.graph.blob import Shape
from xdn.graph.cost import layer_cost
from xdn.graph.net import Net
from xdn.kernels.core.layout import BlockLayout

#: How many times a core's own cache the blobs of a layer may be for the next layer to find them in a shared one.
_SHARED_CACHE = 8


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
        if block_bytes > _SHARED_CACHE * core_cache_bytes() and not layer.params.is_input:
            moved += block_bytes // target.block_images
        macs += layer_cost(sized, layer).macs
    return moved / max(macs, 1)
