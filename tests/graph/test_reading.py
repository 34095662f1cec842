"""How layers read and store 8-bit integers, and bf16: the blobs that follow, the values, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from tests.graph.nets import residual_net
from xdn.element import BF16, F32, S8, U8
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Bf16, Blob, Layer, Net, Quantized
from xdn.graph.reading import most_products, why_real
from xdn.layers.concat import Concat
from xdn.layers.convolution import Convolution
from xdn.layers.eltwise import Eltwise
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.input import Input
from xdn.layers.lrn import LRN
from xdn.layers.mvn import MVN
from xdn.layers.pooling import Pooling
from xdn.layers.relu import ReLU
from xdn.layers.relu6 import ReLU6
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.softmax import Softmax

READ = Quantized(0.05)


def chain(*layers, shape=(2, 3, 4, 4)):
    """Return a net of layers one after another."""
    names = ["data", *(f"blob{number}" for number, _ in enumerate(layers))]
    made = [Layer("data", Input(shape=(shape,)), (), ("data",))]
    for number, layer in enumerate(layers):
        made.append(layer.replace(name=f"layer{number}", bottoms=(names[number],), tops=(names[number + 1],)))
    return Net("chain", tuple(made))


def quantized(params, **more):
    """Return a layer that reads 8-bit integers."""
    return Layer("", params, quantized=(READ,), **more)


def test_a_layer_reads_integers_of_f32_values(rng):
    net = chain(quantized(ReLU(negative_slope=0.1)))
    x = rng.standard_normal((2, 3, 4, 4)).astype(np.float32)
    signed = net.replace(layers=(net.layers[0], net.layers[1].replace(quantized=(Quantized(0.05, True),))))
    assert net.blobs["blob0"] == Blob(x.shape)
    values = np.clip(np.rint(x * (np.float32(1) / np.float32(0.05))), 0, 255) * np.float32(0.05)
    assert np.array_equal(net.forward({"data": x})["blob0"], values)
    assert (signed.forward({"data": x})["blob0"] < 0).any()


def test_a_stored_top_is_integers_which_the_next_layer_reads_to_the_same_bits(rng):
    second = Quantized(0.02)
    plain = chain(quantized(ReLU()), Layer("", ReLU6(), quantized=(second,)))
    stored = plain.replace(layers=(*plain.layers[:1], plain.layers[1].replace(stored=(second,)), *plain.layers[2:]))
    x = (4 * rng.standard_normal((2, 3, 4, 4))).astype(np.float32)
    assert stored.blobs["blob0"] == Blob(x.shape, U8, second.scale)
    assert stored.blobs["blob1"] == Blob(x.shape)
    before, after = plain.forward({"data": x}), stored.forward({"data": x})
    assert after["blob0"].dtype == np.uint8
    assert np.array_equal(after["blob0"], second.stored(before["blob0"]))
    assert np.array_equal(before["blob1"], after["blob1"])


def test_layers_that_only_move_values_carry_integers():
    data = Layer("data", Input(shape=((2, 3, 4, 4),), element=S8, scale=0.25), (), ("a", "b"))
    concat = Layer("concat", Concat(), ("a", "b"), ("c",))
    pool = Layer("pool", Pooling(kernel_size=(2,), stride=(2,)), ("c",), ("d",))
    net = Net("moving", (data, concat, pool))
    assert net.blobs["d"] == Blob((2, 6, 2, 2), S8, 0.25)
    rng = np.random.default_rng(3)
    a, b = (rng.integers(-128, 128, (2, 3, 4, 4)).astype(np.int8) for _ in range(2))
    top = net.forward({"a": a, "b": b})["d"]
    assert top.dtype == np.int8
    assert np.array_equal(top[:, :3], a.reshape(2, 3, 2, 2, 2, 2).max((3, 5)))


def test_bottoms_that_hold_different_integers_are_not_moved_into_one_blob():
    first = Layer("first", Input(shape=((2, 3),), element=U8, scale=0.25), (), ("a",))
    second = Layer("second", Input(shape=((2, 3),), element=U8, scale=0.5), (), ("b",))
    net = Net("moving", (first, second, Layer("concat", Concat(), ("a", "b"), ("c",))))
    with pytest.raises(ShapeError, match=r"'concat' \(Concat\): .*u8 of scale 0.25, u8 of scale 0.5"):
        _ = net.blobs


def test_the_number_of_scales_is_that_of_the_bottoms():
    net = residual_net()
    layer = net.layer("sum").replace(quantized=(READ,))
    net = net.replace(layers=tuple(layer if each.name == "sum" else each for each in net.layers))
    with pytest.raises(ShapeError, match=r"'sum' \(Eltwise\): 1 int8 scales are given; the layer has 2 bottoms"):
        _ = net.blobs


def test_a_blob_of_integers_is_what_its_reader_reads():
    net = chain(quantized(ReLU(), stored=(Quantized(0.1),)), quantized(ReLU()))
    with pytest.raises(ShapeError, match=r"'blob0' holds u8 of scale 0\.1\d*, which it reads as u8, scale 0.05"):
        _ = net.blobs


def test_types_without_an_8_bit_form():
    with pytest.raises(UnsupportedError, match=r"'layer0' \(LRN\): .* LRN has no 8-bit form. Delete its int8"):
        _ = chain(quantized(LRN())).blobs
    with pytest.raises(UnsupportedError, match="Softmax has no 8-bit form"):
        _ = chain(quantized(Softmax())).blobs
    with pytest.raises(UnsupportedError, match="Concat hands values on as they are"):
        _ = chain(quantized(Concat())).blobs
    assert why_real(Layer("relu", ReLU(), ("a",), ("b",)), [Blob((2, 3))]) is None


def test_every_top_says_how_it_is_stored():
    with pytest.raises(ShapeError, match="how 2 tops are stored is given, of 1"):
        _ = chain(quantized(ReLU(), stored=(READ, None))).blobs


def test_products_are_bounded_by_32_bits():
    assert 255 * 127 * most_products(READ) <= 2**30 - 1 < 255 * 127 * (most_products(READ) + 1)
    assert most_products(Quantized(0.05, signed=True)) > most_products(READ)
    # Sessions read 8 bits where fewer are said.
    assert most_products(replace(READ, bits=4, weight_bits=4)) == most_products(READ)


def test_digests_know_how_layers_read():
    plain, read = chain(Layer("", ReLU())), chain(quantized(ReLU()))
    other = chain(Layer("", ReLU(), quantized=(Quantized(0.06),)))
    assert len({plain.digest, read.digest, other.digest}) == 3
    assert len({plain.structure_digest, read.structure_digest, other.structure_digest}) == 3


def test_a_layer_that_computes_in_f32_reads_no_integers_of_a_scale():
    net = chain(quantized(ReLU(), stored=(READ,)), Layer("", LRN()))
    with pytest.raises(
        UnsupportedError, match=r"'layer1' \(LRN\): it computes in f32, but its bottom 'blob0' holds u8"
    ):
        _ = net.blobs


@pytest.mark.parametrize(
    "layer",
    [
        quantized(Convolution(num_output=2, kernel_size=(1,), group=0)),
        quantized(Convolution(num_output=2)),
        quantized(InnerProduct(num_output=2, axis=7)),
        quantized(Pooling()),
        quantized(Pooling(pool="AVE", kernel_size=(9,))),
        quantized(Eltwise()),
    ],
)
@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (2,), ()])
def test_what_does_not_fit_is_an_error_first(layer, shape):
    with pytest.raises(ShapeError):
        _ = chain(layer, shape=shape).blobs


def in_bf16(params, **more):
    """Return a layer that reads its bottom in bf16."""
    return Layer("", params, quantized=(Bf16(),), **more)


def test_a_layer_reads_bf16_of_f32_values_and_gives_f32(rng):
    net = chain(in_bf16(Sigmoid()))
    x = rng.standard_normal((2, 3, 4, 4)).astype(np.float32)
    top = net.forward({"data": x})["blob0"]
    assert net.blobs["blob0"].element == F32
    assert np.array_equal(top, chain(Layer("", Sigmoid())).forward({"data": BF16.rounded(x)})["blob0"])


def test_a_top_in_bf16_is_rounded_and_read_to_the_same_bits(rng):
    plain = chain(in_bf16(ReLU(negative_slope=0.3)), in_bf16(Sigmoid()))
    stored = plain.replace(layers=(*plain.layers[:1], plain.layers[1].replace(stored=(Bf16(),)), *plain.layers[2:]))
    assert [stored.blobs[name] for name in ("blob0", "blob1")] == [Blob((2, 3, 4, 4), BF16), Blob((2, 3, 4, 4))]
    x = rng.standard_normal((2, 3, 4, 4)).astype(np.float32)
    before, after = plain.forward({"data": x}), stored.forward({"data": x})
    assert after["blob0"].dtype == np.uint16
    assert np.array_equal(after["blob0"], BF16.stored(before["blob0"]))
    assert np.array_equal(before["blob1"], after["blob1"])


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (2, 3, 5, 5)])
def test_maxima_of_bf16_are_those_of_its_values(rng, shape):
    """Of raw bits negative numbers would be the largest."""
    data = Layer("data", Input(shape=(shape,), element=BF16), (), ("a",))
    pool = Layer("pool", Pooling(kernel_size=(3,), stride=(2,), pad=(1,)), ("a",), ("b",))
    net = Net("moving", (data, pool))
    assert net.blobs["b"].element == BF16
    x = rng.standard_normal(shape).astype(np.float32)
    real = Net("f32", (data.replace(params=Input(shape=(shape,))), pool)).forward({"a": x})["b"]
    top = net.forward({"a": BF16.stored(x)})["b"]
    assert top.dtype == np.uint16
    assert np.array_equal(BF16.loaded(top), BF16.rounded(real))


def test_types_without_a_form_for_bf16():
    with pytest.raises(UnsupportedError, match=r"'layer0' \(MVN\): .* MVN has no bf16 form. Delete its bf16: true"):
        _ = chain(in_bf16(MVN())).blobs
    with pytest.raises(UnsupportedError, match="Concat hands values on as they are: in bf16"):
        _ = chain(in_bf16(Concat())).blobs
    pool = Layer("pool", Pooling(kernel_size=(2,)), ("a",), ("b", "c"), quantized=(Bf16(),))
    net = Net("pool", (Layer("data", Input(shape=((1, 2, 4, 4),)), (), ("a",)), pool))
    with pytest.raises(UnsupportedError, match="Pooling gives the indices of maxima"):
        _ = net.blobs


@pytest.mark.parametrize(
    ("read", "why"), [((Bf16(),), "1 of its 2 bottoms in bf16"), ((Bf16(), READ), "in bf16 and as 8-bit integers")]
)
def test_a_layer_reads_all_its_bottoms_in_bf16_or_none(read, why):
    net = residual_net()
    layers = (each.replace(quantized=read) if each.name == "sum" else each for each in net.layers)
    with pytest.raises(ShapeError, match=rf"'sum' \(Eltwise\): .*{why}"):
        _ = net.replace(layers=tuple(layers)).blobs


def test_a_layer_that_computes_in_f32_reads_no_bf16():
    net = chain(in_bf16(ReLU(), stored=(Bf16(),)), Layer("", LRN()))
    with pytest.raises(UnsupportedError, match=r"it computes in f32, but its bottom 'blob0' holds bf16"):
        _ = net.blobs
