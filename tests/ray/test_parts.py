"""Runs in parts by Ray's workers: no image is lost, and none counted twice."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.evaluate.building import Stripes
from tests.shards.building import BLOCK, IMAGES, stripes_work
from xdn.cli.run import main
from xdn.errors import DataError
from xdn.ray import run_parts
from xdn.ray.parts import handed_out
from xdn.shards.folder import PartsFolder
from xdn.shards.merged import merged
from xdn.shards.work import run_blocks


@pytest.mark.parametrize(("blocks", "workers"), [(0, 3), (1, 3), (20, 2), (1000, 10), (100_000, 1000)])
def test_each_block_is_handed_out_once_and_in_the_end_a_few(blocks, workers):
    pieces = list(handed_out(blocks, workers))
    assert [place for piece in pieces for place in piece] == list(range(blocks))
    sizes = [len(piece) for piece in pieces]
    assert sizes == sorted(sizes, reverse=True)
    share = blocks / workers
    assert max(sizes, default=1) <= max(1, share / 8)
    assert sizes[-1:] <= [max(1, share / 64)]
    assert len(sizes) <= (40 * workers if share >= 64 else blocks)


class Deadly(Stripes):
    """Images of which one block ends the process that reads it, once.

    Parameters
    ----------
    mark : Path
        A file that is there from then on.
    """

    def __init__(self, mark: Path):
        super().__init__(IMAGES)
        self._mark = mark

    def _images(self, start, stop):
        if start == 2 * BLOCK and not self._mark.exists():
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._images(start, stop)


@pytest.mark.slow  # a cluster takes seconds to begin
def test_workers_say_what_one_process_says(cluster, tmp_path):
    work, told = stripes_work(), []
    folders = [PartsFolder.begin(tmp_path / name, work.run("net", BLOCK)) for name in ("ray", "alone")]
    cut = folders[0].run.blocks()
    assert run_parts(work, folders[0], cut, workers=2, progress=lambda *how_far: told.append(how_far)) == IMAGES
    run_blocks(work, folders[1], cut)
    for ours, alone in zip(*(folder.parts() for folder in folders), strict=True):
        assert ours.facts.block == alone.facts.block
        assert np.array_equal(ours.columns["scores"], alone.columns["scores"])
        assert ours.facts.kernels_compiled == 0
        assert str(os.getpid()) not in ours.facts.worker
    assert told[-1] == (IMAGES, IMAGES)


class Unreadable(Stripes):
    """Images that cannot be read, or, where `travels` is false, not even be opened by another process."""

    def __init__(self, travels: bool):
        super().__init__(IMAGES)
        self._travels, self._driver = travels, os.getpid()

    def _images(self, start, stop):
        if os.getpid() != self._driver:
            raise DataError("the images are not here", where="photos.packed")
        return super()._images(start, stop)

    def __setstate__(self, state):
        self.__dict__ |= state
        if not self._travels:
            self.images(0, 1)


@pytest.mark.slow  # a cluster takes seconds to begin
@pytest.mark.parametrize("travels", [True, False])
def test_what_a_worker_cannot_do_is_told(travels, cluster, tmp_path):
    work = replace(stripes_work(), images=Unreadable(travels))
    folder = PartsFolder.begin(tmp_path / "parts", work.run("net", BLOCK))
    with pytest.raises(DataError, match=r"^worker .*: photos\.packed: the images are not here$"):
        run_parts(work, folder, folder.run.blocks(), workers=1)


@pytest.mark.slow  # a cluster takes seconds to begin
def test_a_worker_that_is_lost_loses_no_image(cluster, tmp_path):
    work = replace(stripes_work(), images=Deadly(tmp_path / "mark"))
    folder = PartsFolder.begin(tmp_path / "parts", work.run("net", BLOCK))
    assert run_parts(work, folder, folder.run.blocks(), workers=1) == IMAGES
    assert (tmp_path / "mark").exists()
    result = merged(folder)
    assert (result.images, result.parts, result.accuracy.correct) == (IMAGES, 4, IMAGES)


@pytest.mark.slow  # a cluster takes seconds to begin
def test_a_driver_that_begins_again_runs_what_is_missing(cluster, tmp_path, monkeypatch, capsys):
    from tests.evaluate.building import brightest_channel
    from xdn import frontend
    from xdn.data.packed import pack

    monkeypatch.chdir(tmp_path)
    frontend.save(brightest_channel(), tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    pack(Stripes(), tmp_path / "stripes.packed")
    command = ["net.prototxt", "--data", "stripes.packed", "--threads", "1", "--block", "20"]
    assert main([*command, "--shard", "1/2"]) == 0
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "net.parts").glob("part-*")}
    assert main([*command, "--ray", "--table", "all.parquet"]) == 0
    out, err = capsys.readouterr()
    assert "2 of 4 are there" in err
    assert "100.00 % (70 of 70 images)" in out
    assert len(made) == 2
    assert all(path.stat().st_mtime_ns == when for path, when in made.items())
    assert (tmp_path / "all.parquet").exists()
