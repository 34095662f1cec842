"""What running a net takes of memory, added up before any of it is taken."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Blob, Layer, Net
from xdn.graph.cost import layer_cost
from xdn.kernels.core.family import Family, Lowering
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.core.parts import parts_name
from xdn.memory import MEND, Need, images_at_once, limit

#: What helps where images, more than the net, take too much.
FEWER = f"Give fewer images in a call (xdn-run --batch), or use fewer threads (xdn-run --threads). {MEND}"


def _at_one_image(net: Net) -> Net:
    """Return the net with a batch of one image; as it is, where it cannot take such a batch."""
    try:
        single = net.with_batch(1)
        _ = single.blobs
    except ShapeError:
        return net
    return single


def net_needs(net: Net) -> list[Need]:
    """Return what running one image takes at least: blobs that are needed at once, the results, packed weights."""
    single = _at_one_image(net)
    weights = [Need(layer.place, layer_cost(net, layer).weight_bytes) for layer in net.layers]
    return [*weights, *_alive(single.layers, single.outputs, lambda name: single.blobs[name].bytes)]


def _alive(layers: Sequence[Layer], outputs: Sequence[str], size: Callable[[str], int]) -> list[Need]:
    """Return the blobs that are there at once where they take the most, and the results beside them.

    A blob is there from the layer that gives it to the last one that reads it, those of `outputs` to the end.
    """
    given = {top: number for number, layer in enumerate(layers) for top in layer.tops}
    last = dict(given)
    for number, layer in enumerate(layers):
        last.update((name, number) for name in layer.bottoms if name in given)
    last.update((name, len(layers)) for name in outputs if name in given)
    change = np.zeros(len(layers) + 2, np.int64)
    for name, number in given.items():
        change[number] += size(name)
        change[last[name] + 1] -= size(name)
    at = int(change.cumsum().argmax())
    there = [name for name, number in given.items() if number <= at <= last[name]]
    return [Need(layers[given[name]].place, size(name)) for name in (*there, *(o for o in outputs if o in given))]


def plan_needs(
    net: Net, outputs: Sequence[str], layouts: Mapping[str, BlockLayout], chosen: Sequence[tuple[Lowering, Family]]
) -> list[Need]:
    """Return what a plan takes: one block of the blobs that are there at once, packed weights and tables.

    Parameters
    ----------
    net : Net
    outputs : sequence of str
    layouts : mapping
        Blob -> how it lies.
    chosen : sequence of (Lowering, Family)
        Of the layers that run.
    """
    layers = [*net.input_layers, *(lowering.layer for lowering, _ in chosen)]
    prints = [(lowering.layer.place, family.footprint(lowering)) for lowering, family in chosen]
    making = sorted((Need(place, found.making) for place, found in prints), key=lambda need: need.size)

    def size(blob: str) -> int:
        """Return what a block of a blob takes, with its parts."""
        return sum(layouts[name].block_bytes for name in (blob, parts_name(blob)) if name in layouts)

    return [
        *_alive(layers, outputs, size),
        *(Need(place, found.kept) for place, found in prints),
        *making[-1:],
    ]


def block_fits(net: Net, shapes: Mapping[str, tuple[int, ...]], images: int, threads: int) -> bool:
    """Return whether each of so many threads may have the blobs of a block of so many images of `shapes`."""
    sized = net.reshape({name: (1, *shape) for name, shape in shapes.items()})
    alive = _alive(sized.layers, sized.outputs, lambda name: sized.blobs[name].bytes)
    return 2 * threads * images * sum(need.size for need in alive) <= limit()


def run_needs(outputs: Mapping[str, Blob], images: int, own: Sequence[Need]) -> list[Need]:
    """Return what a run over so many images takes: its results, and the backend's own.

    Parameters
    ----------
    outputs : mapping
        Name -> the blob of one image.
    images : int
    own : sequence of Need
    """
    return [*(Need(f"the output {name!r}", images * blob.bytes) for name, blob in outputs.items()), *own]


def images_that_fit(net: Net, in_parts: bool, most: int) -> int:
    """Return how many images one call may take, `most` at most, by the results and other arrays that it makes.

    Parameters
    ----------
    net : Net
    in_parts : bool
        All blobs of all images are made, and the images as f32; else the results alone.
    most : int
    """
    single = _at_one_image(net)
    names = single.blobs if in_parts else single.outputs
    size = sum(single.blobs[name].image_size * single.blobs[name].element.bytes for name in names)
    return images_at_once(size, most)
