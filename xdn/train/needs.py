"""What training a net takes of memory, added up before any of it is taken."""

from xdn.errors import NetError, UnsupportedError
from xdn.graph import Net
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
    blobs = [Need(layer.place, sum(blob.bytes for blob in sized.top_blobs(layer))) for layer in sized.layers]
    largest = max(blobs, key=lambda need: need.size)
    weights = [Need(layer.place, _WEIGHT_COPIES * layer_cost(net, layer).weight_bytes) for layer in net.layers]
    return [*weights, *blobs, *[largest] * _LARGEST_COPIES]
