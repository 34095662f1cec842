"""Values that callers give for the inputs of a net: how many images they are, and parts of them."""

from xdn.graph import Feed, Net


def feed_images(net: Net, feed: Feed) -> int:
    """Return how many images `feed` holds: the batch of the first input."""
    return len(feed[next(iter(net.inputs))])


def feed_parts(net: Net, feed: Feed, batch: int) -> list[Feed]:
    """Return `feed` in parts of `batch` images, the last one of those that are left.

    Inputs that declare another batch than the first one, such as regions of an image, are whole in each part.
    """
    shared = net.inputs_of_images
    starts = range(0, feed_images(net, feed), batch)
    return [
        {name: array[start : start + batch] if name in shared else array for name, array in feed.items()}
        for start in starts
    ]
