"""What training a net takes of memory, added up before any of it is taken."""

from xdn.element import REAL
from xdn.errors import NetError, UnsupportedError
from xdn.graph import Layer, Net
from xdn.graph.cost import layer_cost
from xdn.memory import MEND, Need

#: What helps where images, more than the net, take too much.
FEWER = f"Give fewer images a batch (--batch; iter_size adds up several). {MEND}"
#: A weight, its gradient, what the solver keeps beside it (Adam: two of its kind), and the net that it is copied from.
_WEIGHT_COPIES = 5
#: The largest blob, its gradient, and what it takes to compute one from the other.
_LARGEST_COPIES = 3


def training_needs(net: Net, batch: int) -> list[Need]:
    """Return what one iteration takes: weights with all that belongs to them, and every blob, for the gradients."""
    try:
        sized = net.with_images(batch)
        _ = sized.blobs
    except (NetError, UnsupportedError):
        # A batch that the net does not take is refused, or passed over, where images are given to it.
        sized = net
    blobs = [Need(layer.place, _blob_bytes(sized, layer)) for layer in sized.layers]
    largest = max(blobs, key=lambda need: need.size)
    # In f32, those too that are stored in a byte each.
    copies = _WEIGHT_COPIES * REAL.bytes
    weights = [Need(layer.place, copies * layer_cost(net, layer).parameters) for layer in net.layers]
    return [*weights, *blobs, *[largest] * _LARGEST_COPIES]


def _blob_bytes(net: Net, layer: Layer) -> int:
    """Return what the gradients need of a layer's blobs.

    That is its tops; where it reads integers also, as f32, the quotients and the integers of its bottoms, and the sums.
    """
    tops = sum(blob.bytes for blob in net.top_blobs(layer))
    read = [net.blobs[name] for name, _ in zip(layer.bottoms, layer.integers, strict=False)]
    return tops + (tops + 2 * sum(blob.bytes for blob in read) if read else 0)
