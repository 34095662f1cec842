"""A run in parts by Ray: workers write the parts of blocks, and the driver sees to it that each is there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xdn.errors import DataError, listed
from xdn.graph import Array
from xdn.ray.cluster import ray_module
from xdn.ray.workers import Baggage, settled, worker_options
from xdn.runtime.backend import Progress
from xdn.shards.cut import Block
from xdn.shards.folder import PartsFolder
from xdn.shards.work import Work


class _Worker:
    """An actor: makes the parts of blocks, and writes them where all can see them."""

    def __init__(self, baggage: Baggage, folder: Path, run: str):
        self._work: Work = baggage.unpacked()
        self._folder, self._run = folder, run

    def __call__(self, batch: dict[str, Array]) -> dict[str, Any]:
        found = [Block(*each) for each in zip(batch["start"].tolist(), batch["stop"].tolist(), strict=True)]
        for block in found:
            self._work.part(block, self._run).write(self._folder)
        return batch


def run_parts(
    work: Work,
    folder: PartsFolder,
    blocks: Sequence[Block],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Let Ray's workers make the parts of blocks; return how many images they have.

    A block whose worker is lost is run again by another one, and its part written to the same place: no image is lost,
    and none counted twice. Blocks that have their part already are left out by the caller (`PartsFolder.missing`).

    Parameters
    ----------
    work : Work
        Kernels are compiled here, for all.
    folder : PartsFolder
        On storage that all machines share, as the images are.
    blocks : sequence of Block
    workers : int, optional
        By default as many as the cluster has processors for.
    progress : callable, optional
        Told the images that are done, and all of these.

    Raises
    ------
    MissingExtraError
        Without Ray.
    DataError
        Where parts that were written are not seen here.
    """
    data = ray_module("ray.data")
    work = replace(work, session=settled(work.session))
    work.prepare(folder.run.block_images)
    rows = [{"start": block.start, "stop": block.stop} for block in blocks]
    arguments = Baggage.packed(work), folder.path.absolute(), folder.run.digest
    data.DataContext.get_current().enable_progress_bars = False
    # A block of Ray's for each of ours, which are then handed out one by one.
    streamed = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Worker,
        batch_size=1,
        fn_constructor_args=arguments,
        **worker_options(work.session.threads, workers),
    )
    done, total = 0, sum(map(len, blocks))
    for row in streamed.iter_rows():
        done += row["stop"] - row["start"]
        if progress is not None:
            progress(done, total)
    unseen = folder.missing(tuple(blocks))
    if unseen:
        mend = "Name a folder that all machines share with --parts"
        what = f"parts that workers wrote are not seen here: images {listed(list(map(str, unseen)))}"
        raise DataError(what, where=str(folder.path), mend=mend)
    return done
