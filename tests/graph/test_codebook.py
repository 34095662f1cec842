"""Codebooks of weights: the very bits, or none."""

import numpy as np
import pytest

from tests.graph.nets import residual_net
from xdn.errors import NetError
from xdn.graph import Quantized, WeightsOnly
from xdn.graph.codebook import Codebook, codebook_in, codebook_of, with_held_codebooks, without_codebooks
from xdn.graph.verify import verify


def book(count, block, blocks=60):
    rng = np.random.default_rng(count)
    centroids = rng.standard_normal((count, block)).astype(np.float16)
    return Codebook(centroids, np.resize(np.arange(count), blocks).astype(np.uint8))


@pytest.mark.parametrize(("count", "block", "blocks"), [(1, 4, 60), (7, 9, 60), (256, 2, 5000)])
def test_a_weight_of_a_codebook_is_found_to_be_one_with_the_same_bits(count, block, blocks):
    weight = book(count, block, blocks).weight((blocks, block, 1, 1))
    found = codebook_of(weight, block)
    assert (found.centroids.shape, found.centroids.dtype, found.codes.dtype) == ((count, block), np.float16, np.uint8)
    assert found.weight(weight.shape).tobytes() == weight.tobytes()
    assert found.bytes == 2 * count * block + blocks


def test_zeros_of_both_signs_are_different_numbers():
    weight = np.array([[0.0, 1], [-0.0, 1]], np.float32)
    found = codebook_of(weight, 2)
    assert len(found.centroids) == 2
    assert found.weight(weight.shape).tobytes() == weight.tobytes()


@pytest.mark.parametrize(
    ("weight", "block"),
    [
        (np.ones((4, 3), np.float32), 5),
        (np.ones((0, 3), np.float32), 3),
        (np.full((4, 3), 0.1, np.float32), 3),
        (np.full((4, 3), 1e6, np.float32), 3),
        (np.arange(514, dtype=np.float32).reshape(257, 2), 2),
        # The 257th block differs far behind the others.
        (np.append(np.arange(256 * 40) % 256, 256).astype(np.float32), 1),
    ],
)
def test_other_weights_are_of_no_codebook(weight, block):
    assert codebook_of(weight, block) is None


def test_a_layer_keeps_its_mark_as_long_as_its_weight_is_of_blocks():
    net = residual_net(True)
    shape = net.layer("conv").weights["weight"].shape
    held = book(3, shape[-1]).weight((60, shape[-1])).ravel()
    weight = np.resize(held, shape).astype(np.float32)

    def with_weight(array):
        layers = (
            each.replace(block=shape[-1], weights={**each.weights, "weight": array}) if each.name == "conv" else each
            for each in net.layers
        )
        return net.replace(layers=tuple(layers))

    marked, moved = with_weight(weight), with_weight(weight * np.float32(1.1))
    assert codebook_in(marked.layer("conv")) is not None
    assert with_held_codebooks(marked) is marked
    assert [each.block for each in with_held_codebooks(moved).layers] == [0] * len(net.layers)
    assert not any(each.block for each in without_codebooks(marked).layers)
    assert marked.digest != without_codebooks(marked).digest
    assert marked.structure_digest == without_codebooks(marked).structure_digest


@pytest.mark.parametrize(("layer", "block"), [("conv", 7), ("relu", 4)])
def test_blocks_that_make_no_weight_are_refused(layer, block):
    net = residual_net(True)
    layers = tuple(each.replace(block=block) if each.name == layer else each for each in net.layers)
    with pytest.raises(NetError, match=f"layer '{layer}'.*blocks of {block} numbers, which do not make its weight"):
        verify(net.replace(layers=layers))


@pytest.mark.parametrize("how", [Quantized(0.1), WeightsOnly(1)])
def test_a_weight_is_of_a_codebook_or_integers(how):
    net = residual_net(True)
    layers = tuple(each.replace(block=1, quantized=(how,)) if each.name == "conv" else each for each in net.layers)
    with pytest.raises(NetError, match=r"layer 'conv'.*its weight is to be a codebook's, and integers"):
        verify(net.replace(layers=layers))
