"""A run in parts by Ray: workers write the parts of blocks, and the driver sees to it that each is there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from xdn.errors import DataError, XdnError, listed
from xdn.graph import Array
from xdn.ray.cluster import ray_module
from xdn.ray.workers import Baggage, settled, worker_options, workers_of
from xdn.runtime.backend import Progress
from xdn.shards.cut import Block
from xdn.shards.folder import PartsFolder
from xdn.shards.work import Work, run_blocks, worker_name

#: What is handed out is so small a share of what each worker has left to do, and of what it has to do in all at least.
_SHARE, _LEAST = 8, 64
#: The column with what a worker could not do, empty where all went well.
_ERROR = "error"


def handed_out(blocks: int, workers: int) -> Iterator[range]:
    """Yield the places of the blocks that are handed out together: ever fewer, so that all workers end together.

    The driver takes as long for many as for one; and a worker that is slow, with one piece to do and another one that
    waits for it, is not the last. (Polychronopoulos and Kuck, Guided Self-Scheduling, IEEE Transactions on Computers
    36, 1987.)
    """
    start, least = 0, max(1, blocks // (_LEAST * workers))
    while start < blocks:
        stop = min(blocks, start + max(least, (blocks - start) // (_SHARE * workers)))
        yield range(start, stop)
        start = stop


class _Worker:
    """An actor: makes the parts of blocks, and writes them where all can see them."""

    def __init__(self, baggage: Baggage):
        self._baggage = baggage

    @cached_property
    def _duty(self) -> tuple[Work, PartsFolder, tuple[Block, ...]]:
        """What is to be run, where parts lie, and all blocks; made in the first call, which tells what is wrong."""
        work, folder, blocks = self._baggage.unpacked()
        work.prepare(folder.run.block_images)
        return work, folder, blocks

    def __call__(self, batch: dict[str, Array]) -> dict[str, Array]:
        error = ""
        try:
            work, folder, blocks = self._duty
            for start, stop in zip(batch["start"].tolist(), batch["stop"].tolist(), strict=True):
                # Some are there where another worker was lost among them.
                run_blocks(work, folder, folder.missing(blocks[start:stop]), prepared=True)
        except (XdnError, OSError) as raised:
            # Ray would tell it within the text of an error of its own.
            error = f"worker {worker_name()}: {raised}"
        return batch | {_ERROR: np.full(len(batch["start"]), error)}


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
        What a worker could not do; and where parts that were written are not seen here.
    """
    data = ray_module("ray.data")
    work = replace(work, session=settled(work.session))
    work.prepare(folder.run.block_images)
    count = workers_of(work.session.threads, workers)
    rows = [{"start": each.start, "stop": each.stop} for each in handed_out(len(blocks), count)]
    arguments = (Baggage.packed((work, folder.absolute(), tuple(blocks))),)
    data.DataContext.get_current().enable_progress_bars = False
    # A block of Ray's for each row, which are then handed out one by one.
    streamed = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Worker, batch_size=1, fn_constructor_args=arguments, **worker_options(work.session.threads, count)
    )
    done, total = 0, sum(map(len, blocks))
    for row in streamed.iter_rows():
        if row[_ERROR]:
            raise DataError(row[_ERROR])
        done += sum(map(len, blocks[row["start"] : row["stop"]]))
        if progress is not None:
            progress(done, total)
    unseen = folder.unseen(tuple(blocks))
    if unseen:
        mend = "Name a folder that all machines share with --parts"
        what = f"parts that workers wrote are not seen here: images {listed(list(map(str, unseen)))}"
        raise DataError(what, where=str(folder.path), mend=mend)
    return done
