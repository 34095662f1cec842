"""Products with a softmax between them become DotProductAttention, and keep what they compute."""

import numpy as np
import pytest

from tests.optimize.building import assert_same_outputs, assert_settled, data, layer, net_of
from xdn.optimize.fuse.attention import FuseAttention

STEPS, KEYS = 9, 5


def scores(*, key_order=(0, 2, 3, 1), **product):
    """Return the layers from queries and keys to scores."""
    return [
        layer("Permute", "queries", ["q"], order=(0, 2, 1, 3)),
        layer("Permute", "keys", ["k"], order=key_order),
        layer("Power", "half", ["keys"], scale=0.5),
        layer("MatMul", "product", ["queries", "half"], **product),
        layer("Power", "scaled", ["product"], scale=0.7),
    ]


def means(weighed):
    """Return the layers from what the softmax is of to the mean of the values."""
    return [
        layer("Softmax", "p", [weighed], axis=-1),
        layer("Permute", "values", ["v"], order=(0, 2, 1, 3)),
        layer("MatMul", "means", ["p", "values"]),
        layer("Permute", "y", ["means"], order=(0, 2, 1, 3)),
    ]


def inputs(steps=STEPS, *, key_heads=3, value_heads=3):
    sizes = {"q": (steps, 3, 4), "k": (KEYS, key_heads, 4), "v": (KEYS, value_heads, 2)}
    return [data(2, *size, name=name) for name, size in sizes.items()]


def fuse(net):
    done = FuseAttention().apply(net)
    assert_same_outputs(net, done.net)
    assert_settled(FuseAttention, done.net)
    return done


@pytest.mark.parametrize("transposed", [{}, {"key_order": (0, 2, 1, 3), "transpose_b": True}], ids=["keys", "product"])
def test_without_a_mask(transposed):
    done = fuse(net_of(*inputs(), *scores(**transposed), *means("scaled"), outputs=["y"]))
    (found,) = [each for each in done.net.layers if not each.params.is_input]
    assert (found.type, found.bottoms, found.tops) == ("DotProductAttention", ("q", "k", "v"), ("y",))
    np.testing.assert_allclose(found.params.scale, 0.35)


def test_with_a_mask_that_several_share():
    mask, rows = data(2, 1, 1, KEYS, name="mask"), layer("Tile", "rows", ["mask"], axis=2, tiles=STEPS)
    every, masked = layer("Tile", "all", ["rows"], tiles=3), layer("Eltwise", "sum", ["all", "scaled"])
    layers = [*scores(), rows, every, masked, *means("sum"), layer("ReLU", "other", ["all"])]
    done = fuse(net_of(*inputs(), mask, *layers, outputs=["y", "other"]))
    assert [each.type for each in done.net.layers if not each.params.is_input] == [
        "Tile",
        "Tile",
        "DotProductAttention",
        "ReLU",
    ]
    assert done.net.layer("y").bottoms == ("q", "k", "v", "mask")


@pytest.mark.parametrize(("axis", "size"), [(0, (1, 1, 1, KEYS)), (3, (2, 1, 1, 1))], ids=["images", "keys"])
def test_a_mask_is_what_is_repeated_for_heads_and_steps_only(axis, size):
    tiles = [layer("Tile", "each", ["mask"], axis=axis, tiles=2 if axis == 0 else KEYS)]
    tiles += [layer("Tile", "rows", ["each"], axis=2, tiles=STEPS), layer("Tile", "all", ["rows"], tiles=3)]
    layers = [*scores(), *tiles, layer("Eltwise", "sum", ["all", "scaled"]), *means("sum")]
    done = fuse(net_of(*inputs(), data(*size, name="mask"), *layers, outputs=["y"]))
    assert done.net.layer("y").bottoms == ("q", "k", "v", "each")


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        ([*inputs(), *scores(), *means("scaled"), layer("ReLU", "r", ["means"])], "do not change places"),
        ([*inputs(), *scores(), *means("scaled"), layer("ReLU", "r", ["product"])], "not of a product of two blobs"),
        ([*inputs(), *scores(key_order=(0, 2, 1, 3), transpose_b=True)[:4], layer("Eltwise", "sum", ["product"] * 2),
          *means("sum")], "not of a product of two blobs"),
        ([*inputs(7), *scores(), *means("scaled")], "fewer than 8 steps"),
        ([*inputs(key_heads=1), *scores(), *means("scaled")], "not of the same images and heads"),
        ([*inputs(value_heads=1), *scores(), *means("scaled")], "not of the same images and heads"),
    ],
)  # fmt: skip
def test_what_stays(net, reason):
    net = net_of(*net, outputs=["y", *(["r"] if net[-1].name == "r" else [])])
    done = fuse(net)
    assert done.net is net
    assert reason in done.refusals[0].text


def test_weights_that_are_asked_for_stay():
    net = net_of(*inputs(), *scores(), *means("scaled"), outputs=["y", "p"])
    assert fuse(net).net is net
