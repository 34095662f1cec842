"""Parts in files."""

import json
from contextlib import suppress
from dataclasses import asdict

import numpy as np
import pytest

from tests.shards.building import BLOCK, stripes_work
from xdn.arrays import read_arrays, write_arrays
from xdn.errors import ParseError
from xdn.shards.cut import Block
from xdn.shards.part import Part, part_facts, part_files, part_name


@pytest.fixture(scope="module")
def part():
    """Return what a net says of the second block."""
    return stripes_work().part(Block(BLOCK, 2 * BLOCK), "digest")


def test_a_part_is_read_as_it_was_written(part, tmp_path):
    path = part.write(tmp_path)
    found = Part.read(path)
    assert found.facts == part.facts == part_facts(path)
    assert np.array_equal(found.labels, part.labels)
    assert {name: values.tobytes() for name, values in found.columns.items()} == {
        name: values.tobytes() for name, values in part.columns.items()
    }


def test_a_part_that_is_made_again_takes_the_place_of_the_first(part, tmp_path):
    assert part.write(tmp_path) == part.write(tmp_path)
    assert [path.name for path in part_files(tmp_path)] == [part_name(part.facts.block)]
    assert len(list(tmp_path.iterdir())) == 1


def test_files_lie_in_the_order_of_their_images(tmp_path):
    names = [part_name(Block(start, start + 10)) for start in (0, 90, 100, 1000, 123456789)]
    for name in reversed(names):
        (tmp_path / name).touch()
    assert [path.name for path in part_files(tmp_path)] == names


def rewritten(path, told=None, **arrays):
    """Write a part again with other arrays; None leaves one out."""
    found = read_arrays(path) | arrays
    if told is not None:
        found["facts"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    write_arrays(path, {name: values for name, values in found.items() if values is not None})


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"image": np.zeros(BLOCK, np.int64)}, r"other images than 20\.\.39"),
        ({"image": np.arange(BLOCK)}, r"other images than 20\.\.39"),
        ({"image": None}, r"other images than 20\.\.39"),
        ({"label": None}, "no row for each image"),
        ({"scores": np.zeros((BLOCK + 1, 3), np.float32)}, "no row for each image"),
        ({"label": np.zeros(BLOCK)}, "of another form"),
        ({"scores": np.zeros((BLOCK, 3, 1), np.float32)}, "of another form"),
        ({"facts": None}, "not a part of a run"),
        ({"facts": np.zeros(7)}, "not a part of a run"),
    ],
)
def test_a_part_that_holds_something_else_is_refused(arrays, said, part, tmp_path):
    path = part.write(tmp_path)
    rewritten(path, **arrays)
    with pytest.raises(ParseError, match=said) as raised:
        Part.read(path)
    assert raised.value.where == str(path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"start": 40}, "there are no images"),
        ({"stop": 1 << 50}, "other images"),
        ({"stop": 1 << 70}, "there are no images"),
        ({"seconds": "soon"}, "seconds"),
        ({"seconds": 0.0}, "times are not those of a run"),
        ({"seconds": float("nan")}, "times are not those of a run"),
        ({"began": float("inf")}, "times are not those of a run"),
    ],
)
def test_facts_that_cannot_be_are_refused(changed, said, part, tmp_path):
    path = part.write(tmp_path)
    rewritten(path, asdict(part.facts) | changed)
    with pytest.raises(ParseError, match=said):
        Part.read(path)


def test_damage_is_found(part, tmp_path, rng):
    path = part.write(tmp_path)
    whole, found = path.read_bytes(), 0
    for place in rng.integers(0, len(whole), 40).tolist():
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        with suppress(ParseError):
            again = Part.read(path)
            # Zip has bytes that mean nothing, such as the time of a member.
            assert np.array_equal(again.columns["scores"], part.columns["scores"])
            found += 1
    assert found < 20
