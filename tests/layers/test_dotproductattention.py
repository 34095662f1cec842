"""DotProductAttention against PyTorch's."""

import numpy as np
import pytest

from tests.layers.memory import check_reference_bytes
from tests.layers.oracles import check_layer, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.dotproductattention import DotProductAttention

SHAPES = [(2, 4, 3, 5), (2, 6, 3, 5), (2, 6, 3, 2)]


@pytest.mark.parametrize("masked", [False, True])
def test_reference(rng, masked):
    bottoms = [normal(rng, *shape) for shape in SHAPES]
    mask = [np.where(np.arange(6) < [[[[3]]], [[[6]]]], 0, -1e4).astype(np.float32)] * masked
    queries, keys, values, *added = (torch.from_numpy(each).double() for each in (*bottoms, *mask))
    found = torch.nn.functional.scaled_dot_product_attention(
        *(each.swapaxes(1, 2) for each in (queries, keys, values)), attn_mask=added[0] if masked else None, scale=0.5
    )
    # Sums of 5 products, exponentials of what they err by, and a mean of 6 values of magnitude 3.
    check_layer(DotProductAttention(scale=0.5), [*bottoms, *mask], found.swapaxes(1, 2), roundings=64, magnitude=3)


def test_cost():
    bottoms = [Blob(shape) for shape in SHAPES]
    assert DotProductAttention().macs(bottoms, DotProductAttention().infer(bottoms, 1)) == 2 * 4 * 3 * 6 * (5 + 2)
    assert DotProductAttention().products(bottoms) == 6


@pytest.mark.parametrize(
    ("number", "shape"), [(0, (2, 4, 2, 5)), (1, (2, 6, 3, 4)), (2, (2, 5, 3, 2)), (0, (2, 4, 15)), (1, (1, 6, 3, 5))]
)
def test_what_does_not_fit_is_refused(number, shape):
    shapes = [*SHAPES]
    shapes[number] = shape
    with pytest.raises(ShapeError, match="it takes"):
        DotProductAttention().infer([Blob(shape) for shape in shapes], 1)


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(ShapeError, match="it takes"):
        DotProductAttention().infer([*map(Blob, SHAPES), Blob((2, 1, 1, 4))], 1)


def test_the_memory_of_its_scores_counts():
    check_reference_bytes(DotProductAttention(), *[(1, 100, 4, 2)] * 3)
