"""The folder of parts: what is missing, what is there twice, what belongs to another run."""

import json

import pytest

from tests.shards.building import BLOCK, IMAGES, folder_of, stripes_work
from xdn.errors import DataError, ParseError
from xdn.shards.cut import Block
from xdn.shards.folder import RUN, PartsFolder
from xdn.shards.part import part_name


@pytest.fixture
def full(tmp_path):
    """Return the folder of a run whose parts are all there."""
    return folder_of(stripes_work(), tmp_path / "parts")


def parted(folder):
    """Return the blocks of all parts."""
    return tuple(part.facts.block for part in folder.parts())


def test_what_is_there_is_not_missing(full):
    cut = full.run.blocks()
    assert full.missing(cut) == ()
    assert parted(full) == cut
    (full.path / part_name(cut[2])).unlink()
    assert full.missing(cut) == (cut[2],)
    assert full.missing(cut[:2]) == ()
    with pytest.raises(DataError, match=r"images are missing: 40\.\.59 of 70"):
        parted(full)


def test_the_last_images_may_be_missing(full):
    for block in full.run.blocks()[1:]:
        (full.path / part_name(block)).unlink()
    with pytest.raises(DataError, match=r"images are missing: 20\.\.69 of 70"):
        parted(full)


@pytest.mark.parametrize("damaged", [lambda raw: raw[:100], lambda raw: raw.replace(raw[-900:-800], bytes(100))])
def test_a_part_that_is_damaged_is_made_again(damaged, full, caplog):
    block = full.run.blocks()[1]
    path = full.path / part_name(block)
    path.write_bytes(damaged(path.read_bytes()))
    assert full.missing(full.run.blocks()) == (block,)
    assert "made again" in caplog.text
    with pytest.raises(ParseError, match="not an archive of arrays"):
        parted(full)


def test_a_part_that_is_there_twice_counts_for_nothing(full):
    first = full.path / part_name(full.run.blocks()[0])
    (full.path / "part-copy.npz").write_bytes(first.read_bytes())
    with pytest.raises(DataError, match=r"images are there twice: 0\.\.19 in .*") as raised:
        parted(full)
    assert first.name in str(raised.value)
    assert "part-copy.npz" in str(raised.value)


def test_parts_that_overlap_are_there_twice(full):
    stripes_work().part(Block(10, 25), full.run.digest).write(full.path)
    with pytest.raises(DataError, match=r"10\.\.19 in .*, 20\.\.24 in"):
        parted(full)


def test_a_part_of_another_run_is_named(full):
    block = full.run.blocks()[0]
    stripes_work().part(block, "other").write(full.path)
    assert full.missing(full.run.blocks()) == (block,)
    with pytest.raises(DataError, match=f"parts of another run: {part_name(block)}"):
        parted(full)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: stripes_work().run("net", BLOCK + 1), "block images"),
        (lambda: stripes_work(IMAGES - 1).run("net", BLOCK), "images, labels"),
        (lambda: stripes_work(scored=False).run("net", BLOCK), "scored, scores"),
    ],
)
def test_another_run_does_not_begin_there(full, other, named):
    with pytest.raises(DataError, match=f"another run, which differs in {named}"):
        PartsFolder.begin(full.path, other())


def test_the_same_run_goes_on_whatever_the_file_of_the_net_is_called(full):
    assert PartsFolder.begin(full.path, stripes_work().run("elsewhere/net", BLOCK)).run.net == "net"


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"format": "xdn.parts/2"}, "format"), ({"images": 0}, "images"), ({"images": "many"}, "whole number")],
)
def test_a_folder_that_cannot_be_read(full, changed, said):
    document = json.loads((full.path / RUN).read_text())
    (full.path / RUN).write_text(json.dumps(document | changed))
    with pytest.raises(ParseError, match=said):
        PartsFolder.open(full.path)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(ParseError, match="no such file"):
        PartsFolder.open(tmp_path)
