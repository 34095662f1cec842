"""Which blobs share a buffer, and when each buffer is alive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdn.graph import Blob, Layer
from xdn.kernels.core.family import Lowered, Step
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.core.work import Phase
from xdn.runtime.cpu.arena import Interval
from xdn.runtime.cpu.schedule import Order, Segment


@dataclass(frozen=True, eq=False)
class Placed:
    """A lowered layer, the numbers of its steps, `first` <= number < `end`, and what these take."""

    layer: Layer
    lowered: Lowered
    first: int
    end: int
    phases: tuple[Phase, ...] = ()


def share_buffers(blobs: Mapping[str, Blob], steps: Sequence[Step], placed: Sequence[Placed]) -> dict[str, str]:
    """Return blob -> the blob that names its buffer.

    Aliases share a buffer, and a layer overwrites a bottom where its family allows that, no later step
    reads the bottom, and no other bottom of the layer lies in the same buffer.
    """
    parent = {name: name for name in (*blobs, *(blob for step in steps for blob in step.blobs.values()))}

    def root(name: str) -> str:
        """Return the blob that names the buffer, as far as it is known by now."""
        while parent[name] != name:
            name = parent[name]
        return name

    for item in placed:
        for top, bottom in item.lowered.aliases.items():
            parent[top] = root(bottom)
    last_touch: dict[str, int] = {}
    for number, step in enumerate(steps):
        for blob in step.blobs.values():
            last_touch[root(blob)] = number
    for item in placed:
        for top, bottom in item.lowered.in_place.items():
            buffer = root(bottom)
            alone = sum(root(b) == buffer for b in item.layer.bottoms) == 1
            if alone and last_touch[buffer] < item.end and blobs[top].shape == blobs[bottom].shape:
                last_touch[buffer] = last_touch[root(top)]
                parent[root(top)] = buffer
    return {name: root(name) for name in parent}


def touches(steps: Sequence[Step], owners: Mapping[str, str]) -> dict[str, list[int]]:
    """Return buffer -> the numbers of the steps that read or write it, ascending."""
    found: dict[str, list[int]] = {}
    for number, step in enumerate(steps):
        for blob in step.blobs.values():
            found.setdefault(owners[blob], []).append(number)
    return found


def intervals(
    layouts: Mapping[str, BlockLayout],
    steps: Sequence[Step],
    owners: Mapping[str, str],
    segments: Sequence[Segment],
    chunk_blocks: int,
) -> list[Interval]:
    """Return the buffers of a chunk of `chunk_blocks` blocks with the steps during which they must be kept.

    A buffer that only one segment touches holds the blocks that this segment takes at a time. The steps' scratch is
    among the buffers (`scratch_name`).
    """
    found, order = [], Order(segments)
    for name, numbers in touches(steps, owners).items():
        inside = order.segment_of(numbers)
        blocks = inside.blocks if inside else chunk_blocks
        found.append(Interval(name, layouts[name].block_bytes * blocks, *order.kept(numbers, chunk_blocks)))
    for number, step in enumerate(steps):
        alive = order.kept([number], chunk_blocks)
        found += [Interval(scratch_name(number, slot), size, *alive) for slot, size in step.scratch.items()]
    return found


def scratch_name(step: int, slot: int) -> str:
    """Return the name of the buffer that a step has for itself; the zero byte keeps it apart from any blob's."""
    return f"{step}\0{slot}"
