"""Blocks of images become parts."""

import pickle
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT
from tests.evaluate.building import Stripes
from tests.shards.building import BLOCK, IMAGES, session, stripes_work
from xdn.data.folder import ImageFolder
from xdn.data.packed import PackedData, pack
from xdn.data.views import reordered
from xdn.errors import UnsupportedError
from xdn.evaluate.answers import answers
from xdn.shards.cut import Block, Shard
from xdn.shards.folder import PartsFolder
from xdn.shards.part import Part, part_files
from xdn.shards.work import Work, images_digest, run_blocks


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a run that has no parts yet."""
    return PartsFolder.begin(tmp_path / "parts", stripes_work().run("net", BLOCK))


def test_shards_together_say_what_one_run_says(folder):
    work, told = stripes_work(), []
    for number in (2, 1, 3):
        asked = Shard(number, 3).share(folder.run.blocks())
        run_blocks(work, folder, asked, lambda *how_far: told.append(how_far))
    whole = answers(session(), Stripes().images(), work.transform, scores=work.scores)
    parts = list(folder.parts())
    assert np.array_equal(np.concatenate([part.columns["class"] for part in parts]), whole.classes)
    scores = np.concatenate([part.columns["scores"] for part in parts])
    assert np.array_equal(scores, np.concatenate(whole.scores).reshape(IMAGES, -1))
    assert np.array_equal(np.concatenate([part.labels for part in parts]), Stripes().labels)
    assert told[:2] == [(20, 20), (20, 20)]


def test_of_a_net_that_tells_no_classes_all_outputs_are_kept():
    work = stripes_work(scored=False)
    part = work.part(Block(60, 70), "run")
    (output,) = session().net.outputs
    assert list(part.columns) == [output]
    assert part.columns[output].shape == (10, 3)


def test_outputs_that_belong_to_no_single_image_are_refused():
    with pytest.raises(UnsupportedError, match="the output 'boxes' has no row for each image"):
        Work._output("boxes", [np.zeros((3, 7))], np.zeros((2, 4, 5, 3)))


def test_a_run_is_told_apart_by_what_decides_its_results(tmp_path):
    runs = [stripes_work().run("net", BLOCK).digest, stripes_work().run("other", BLOCK).digest]
    assert runs[0] == runs[1]
    brighter = Stripes()
    brighter._pixels[7] += 1
    digests = []
    for number, data in enumerate((Stripes(), brighter)):
        pack(data, tmp_path / f"{number}.packed")
        digests.append(images_digest(PackedData.open(tmp_path / f"{number}.packed")))
    assert digests[0] != digests[1]


def test_images_in_files_are_told_apart_by_their_names(tmp_path):
    digests = []
    for number, names in enumerate((("1.png", "2.png"), ("1.png", "2.png"), ("1.png", "3.png"))):
        folder = tmp_path / str(number) / "photos" / "a"
        folder.mkdir(parents=True)
        for name in names:
            cv2.imwrite(str(folder / name), np.zeros((4, 5, 3), np.uint8))
        digests.append(images_digest(reordered(ImageFolder.find(folder.parent, "test"), "rgb")))
    assert digests[0] == digests[1] != digests[2]


def test_work_on_packed_images_travels_as_the_name_of_their_file(tmp_path):
    pack(Stripes(2000), tmp_path / "stripes.packed")
    images = PackedData.open(tmp_path / "stripes.packed")
    work = Work(session(), images, stripes_work().transform, stripes_work().scores)
    sent = pickle.dumps(work)
    assert len(sent) < images.header.pixel_bytes / 4
    assert np.array_equal(
        pickle.loads(sent).part(Block(0, 50), "run").columns["scores"], work.part(Block(0, 50), "run").columns["scores"]
    )


_KILLED = """
import os, signal
from tests.shards.building import BLOCK, stripes_work
from xdn.shards.folder import PartsFolder
from xdn.shards import part, work
from pathlib import Path

folder = PartsFolder.begin(Path({folder!r}), stripes_work().run("net", BLOCK))

def told(done, total):
    if done == 2 * BLOCK:
        part.np.frombuffer = lambda *given: os.kill(os.getpid(), signal.SIGKILL)

work.run_blocks(stripes_work(), folder, folder.run.blocks(), told)
"""


@pytest.mark.slow  # a process that imports everything
def test_a_process_that_is_killed_leaves_whole_parts_and_another_goes_on(folder):
    ended = subprocess.run([sys.executable, "-c", _KILLED.format(folder=str(folder.path))], cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL
    cut = folder.run.blocks()
    assert folder.missing(cut) == cut[2:]
    made = {path: path.stat().st_mtime_ns for path in part_files(folder.path)}
    assert run_blocks(stripes_work(), folder, folder.missing(cut)) == IMAGES - 2 * BLOCK
    assert [part.facts.block for part in folder.parts()] == list(cut)
    assert all(path.stat().st_mtime_ns == when for path, when in made.items())


def test_a_block_that_is_run_twice_counts_once(folder):
    for _ in range(2):
        run_blocks(stripes_work(), folder, folder.run.blocks()[:1])
    assert len(part_files(folder.path)) == 1
    assert Part.read(part_files(folder.path)[0]).facts.block == Block(0, BLOCK)
