"""The run level: threads, replicas and members, schedule, chunks, segments, and the images of a call."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xdn import settings
from xdn.codegen.target import host_target
from xdn.kernels.core.layout import BATCH, SCHEDULES
from xdn.runtime.configuration import Configuration
from xdn.tune.space import Axis, Space

#: Images of a chunk; those that are not whole blocks of a schedule are not legal in it.
_CHUNKS = (1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384)
#: The most images of a chunk in the channel schedule.
_MOST_CHANNEL_CHUNK = 32
#: From how many times its blobs on a layer's weights are heavy: all layers, those of the rule, none.
_HEAVY = (0.0, float(settings.HEAVY_WEIGHTS), 1e9)
_LIGHT_BLOCKS = (1, 2, 4)
#: Up to so many threads each number is tried.
_EVERY_THREAD = 8
#: Images of a call where that is chosen too.
CALLS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def thread_counts(most: int) -> tuple[int, ...]:
    """Return numbers of threads that are worth a trial: each small one, then powers of two, half and all."""
    found = set(range(1, min(most, _EVERY_THREAD) + 1)) | {most, max(1, most // 2)}
    found |= {1 << power for power in range(most.bit_length())}
    return tuple(sorted(found))


def run_space(threads: int, call_images: int | None, *, calls: tuple[int, ...] = ()) -> Space:
    """Return the space of everything that is chosen for a run as a whole.

    Parameters
    ----------
    threads : int
        At most.
    call_images : int, optional
        Images of a call: larger chunks are left out. None: as many as there are.
    calls : tuple of int
        Images of a call among which is chosen; empty where that is given.
    """
    counts, block = thread_counts(threads), host_target().block_images
    chunks = tuple(c for c in _CHUNKS if call_images is None or c < 2 * max(call_images, 1) or c <= block)
    axes: tuple[Axis, ...] = (
        Axis("threads", counts, "workers"),
        Axis("schedule", tuple(SCHEDULES), "vectors of images, or of channels"),
        Axis("members", counts, "threads that share each image's work"),
        Axis("chunk", chunks, "images that a replica takes at a time"),
        Axis("heavy", _HEAVY, "times its blobs on a layer's weights, above which it takes the whole chunk at once"),
        Axis("light", _LIGHT_BLOCKS, "blocks that the other layers take at a time"),
    )
    if calls:
        axes += (Axis("call", calls, "images of a call"),)

    def legal(values: Mapping[str, Any]) -> bool:
        """Return whether values of the first axes, or of all, can be run, and differ in what is run."""
        if "members" in values:
            members = values["members"]
            if values["threads"] % members or (members > 1 and values["schedule"] == BATCH.name):
                return False
        if "chunk" in values and not _chunk_fits(values["chunk"], values["schedule"], call_images):
            return False
        if "light" in values:
            blocks = values["chunk"] // _block_images(values["schedule"])
            # All layers heavy, or one block: the others' blocks mean nothing.
            if values["light"] > (blocks if values["heavy"] else 1):
                return False
            if blocks == 1 and values["heavy"] != _HEAVY[0]:
                return False
        return "call" not in values or _chunk_fits(values["chunk"], values["schedule"], values["call"])

    return Space(axes, legal)


def _block_images(schedule: str) -> int:
    return SCHEDULES[schedule].block_images(host_target())


def _chunk_fits(chunk: int, schedule: str, call_images: int | None) -> bool:
    """Return whether a chunk is whole blocks, and not larger than what one call can fill."""
    block = _block_images(schedule)
    if chunk % block or (block == 1 and chunk > _MOST_CHANNEL_CHUNK):
        return False
    return call_images is None or chunk - block < call_images


def configuration_of(values: Mapping[str, Any], base: Configuration) -> Configuration:
    """Return the configuration that a point of `run_space` stands for; what the space does not choose is `base`'s."""
    return replace(
        base,
        threads=values["threads"],
        members=values["members"],
        schedule=values["schedule"],
        chunk_blocks=values["chunk"] // _block_images(values["schedule"]),
        heavy_weights=values["heavy"],
        light_blocks=values["light"],
    )
