"""Layers whose one formula serves NumPy and PyTorch: what the reference makes of its tops."""

import numpy as np
import pytest

from xdn.graph import Blob
from xdn.layers.base import blobs_of
from xdn.layers.concat import Concat
from xdn.layers.crop import Crop
from xdn.layers.eltwise import Eltwise
from xdn.layers.flatten import Flatten
from xdn.layers.permute import Permute
from xdn.layers.reorg import Reorg
from xdn.layers.reshape import Reshape
from xdn.layers.scale import Scale
from xdn.layers.shufflechannel import ShuffleChannel
from xdn.layers.slice import Slice
from xdn.layers.split import Split
from xdn.layers.tile import Tile

SHAPE = (2, 4, 6, 6)


def test_blobs_have_the_arrays_shapes():
    assert blobs_of([np.zeros((2, 3)), np.zeros(1)]) == [Blob((2, 3)), Blob((1,))]


@pytest.mark.parametrize(
    ("params", "bottoms", "n_tops"),
    [
        (Concat(), 1, 1),
        (Crop(), 2, 1),
        (Eltwise(), 2, 1),
        (Flatten(axis=3), 1, 1),
        (Permute(order=(0, 2, 3, 1)), 1, 1),
        (Reorg(stride=1), 1, 1),
        (Reshape(shape=SHAPE), 1, 1),
        (Scale(axis=0), 2, 1),
        (ShuffleChannel(group=1), 1, 1),
        (Slice(axis=0), 1, 2),
        (Split(), 1, 3),
        (Tile(tiles=1), 1, 1),
    ],
    ids=repr,
)
def test_tops_are_arrays_of_their_own(params, bottoms, n_tops, rng):
    """Whoever writes one top changes neither a bottom nor another top."""
    arrays = [rng.standard_normal(SHAPE).astype(np.float32) for _ in range(bottoms)]
    tops = params.reference(arrays, {}, n_tops)
    assert [top.shape for top in tops] == [blob.shape for blob in params.infer(blobs_of(arrays), n_tops)]
    for number, top in enumerate(tops):
        assert top.flags.c_contiguous
        assert top.dtype == np.float32
        assert not any(np.shares_memory(top, other) for other in (*arrays, *tops[:number]))
