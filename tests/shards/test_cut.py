"""Blocks, and the shards that share them."""

import pytest

from xdn.errors import SettingError
from xdn.shards.cut import Block, Shard, blocks


def test_blocks_cover_all_images_once():
    cut = blocks(70, 20)
    assert cut == (Block(0, 20), Block(20, 40), Block(40, 60), Block(60, 70))
    assert [len(block) for block in cut] == [20, 20, 20, 10]
    assert str(cut[-1]) == "60..69"


@pytest.mark.parametrize("of", [1, 2, 3, 4, 7])
def test_shards_share_the_blocks(of):
    cut = blocks(45, 10)
    shares = [Shard(number, of).share(cut) for number in range(1, of + 1)]
    assert tuple(block for share in shares for block in share) == cut
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("number", "of"), [(0, 4), (5, 4), (1, 0)])
def test_a_shard_that_is_none(number, of):
    with pytest.raises(SettingError, match=f"there is no shard {number} of {of}"):
        Shard(number, of)
