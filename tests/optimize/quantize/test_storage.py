"""Storage in 8 bits and in bf16: who stores, who hands on, where Quantize stands, and that no bit changes."""

import numpy as np
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.nets import mixed_nets, quantized_nets
from tests.optimize.test_random_nets import nets
from xdn.element import BF16, REAL, S8, U8
from xdn.graph import Bf16, Quantized, reading_of
from xdn.graph.verify import verify
from xdn.layers.pooling import Pooling
from xdn.layers.quantize import Quantize
from xdn.layers.relu import ReLU
from xdn.layers.split import Split
from xdn.optimize.pipeline import apply_stages
from xdn.optimize.quantize.storage import QuantizedStorage
from xdn.optimize.stage import PLAIN, POST_FUSION, STAGES, stage_names

A, B, HALF = Quantized(0.05), Quantized(0.04, signed=True), Bf16()


def reading(net, **how):
    """Return the net with layers that read integers, or bf16: by name, one Quantized, or Bf16, a bottom."""
    layers = (
        each.replace(quantized=how[each.name] if isinstance(how[each.name], tuple) else (how[each.name],))
        if each.name in how
        else each
        for each in net.layers
    )
    return net.replace(layers=tuple(layers))


def stored(net):
    """Return what the stage makes of a net, verified, and settled."""
    rewrite = QuantizedStorage().apply(net)
    verify(rewrite.net)
    assert QuantizedStorage().apply(rewrite.net).net is rewrite.net
    return rewrite


def same_bits(before, after, rng):
    """Hold blobs of two nets against each other: f32 are equal, integers and bf16 are those of the f32."""
    shapes = {name: blob.shape for name, blob in before.inputs.items()}
    inputs = {name: (3 * rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}
    with np.errstate(over="ignore", invalid="ignore"):
        old, new = before.forward(inputs), after.forward(inputs)
    for name in old.keys() & new.keys():
        how = reading_of(after.blobs[name])
        assert new[name].dtype == after.blobs[name].element.numpy
        assert np.array_equal(new[name], how.stored(old[name]) if how else old[name], equal_nan=how is None)
    assert set(before.outputs) <= old.keys() & new.keys()


def chain():
    """Return data -> conv1 -> pool -> conv2 -> relu."""
    return net_of(
        data(2, 3, 8, 8),
        conv("conv1", "data", 4),
        layer("Pooling", "pool", ["conv1"], kernel_size=2, stride=2),
        conv("conv2", "pool", 4),
        layer("ReLU", "relu", ["conv2"]),
    )


def test_a_net_that_reads_f32_passes_unchanged():
    net = chain()
    assert stored(net).net is net


def test_wishes_pass_back_through_what_moves_values(rng):
    net = reading(chain(), conv1=A, conv2=B)
    rewrite = stored(net)
    blobs = rewrite.net.blobs
    assert [each.name for each in rewrite.net.layers] == ["data", "data/u8", "conv1", "pool", "conv2", "relu"]
    assert [blobs[name].element for name in ("data", "data/u8", "conv1", "pool", "conv2")] == [REAL, U8, S8, S8, REAL]
    assert rewrite.net.layer("conv1").stored == (B,)
    assert blobs["pool"].scale == B.scale
    assert [str(note) for note in rewrite.changes] == [
        "conv1: reads 'data' as u8, scale 0.05: 'data' computes in f32",
        "conv1: stores 'conv1' as s8, scale 0.04",
        "pool: hands on s8, scale 0.04",
    ]
    assert [str(note) for note in rewrite.refusals] == ["conv2: stores 'conv2' as f32: it is read as f32 by 'relu'"]
    same_bits(net, rewrite.net, rng)


def test_what_f32_layers_give_is_quantized_after_the_layers_that_move_it(rng):
    net = reading(chain(), conv2=A)
    made = stored(net).net
    assert [each.name for each in made.layers] == ["data", "conv1", "pool", "pool/u8", "conv2", "relu"]
    assert isinstance(made.layer("pool/u8").params, Quantize)
    assert made.blobs["pool"].element == REAL
    same_bits(net, made, rng)


def two_readers(**how):
    """Return data -> conv1 -> (conv2, conv3), all reading 8-bit integers."""
    net = net_of(data(2, 3, 8, 8), conv("conv1", "data", 4), conv("conv2", "conv1", 4), conv("conv3", "conv1", 4))
    return reading(net, **{"conv1": A, "conv2": A, "conv3": A} | how)


def test_readers_that_agree_read_one_blob(rng):
    net = two_readers()
    made = stored(net).net
    assert made.layer("conv1").stored == (A,)
    assert made.layer("conv2").bottoms == made.layer("conv3").bottoms == ("conv1",)
    same_bits(net, made, rng)


def test_readers_that_disagree_read_blobs_of_their_own(rng):
    net = two_readers(conv3=B)
    rewrite = stored(net)
    assert rewrite.net.blobs["conv1"].element == REAL
    assert rewrite.net.layer("conv2").bottoms == ("conv1/u8",)
    assert rewrite.net.layer("conv3").bottoms == ("conv1/s8",)
    assert "it is read in different ways, by 'conv2', 'conv3'" in str(rewrite.refusals[0])
    same_bits(net, rewrite.net, rng)


def test_two_scales_of_one_element_have_two_names():
    made = stored(two_readers(conv3=Quantized(0.07))).net
    assert [made.layer(name).bottoms for name in ("conv2", "conv3")] == [("conv1/u8",), ("conv1/u8_",)]


def test_outputs_stay_f32(rng):
    net = two_readers().replace(outputs=("conv1", "conv2", "conv3"))
    rewrite = stored(net)
    assert rewrite.net.blobs["conv1"].element == REAL
    assert "it is an output of the net" in str(rewrite.refusals[0])
    same_bits(net, rewrite.net, rng)


def test_a_concat_of_one_blob_in_8_bits_has_all_of_them_so(rng):
    net = net_of(
        data(2, 3, 6, 6),
        conv("conv1", "data", 4),
        layer("Concat", "concat", ["conv1", "data"]),
        conv("conv2", "concat", 4),
    )
    net = reading(net, conv1=B, conv2=A)
    made = stored(net).net
    assert made.layer("concat").bottoms == ("conv1", "data/u8")
    assert made.blobs["concat"].element == U8
    assert made.layer("conv1").bottoms == ("data/s8",)
    same_bits(net, made, rng)


def test_positions_that_are_read_alone_are_picked_from_integers(rng):
    """Strides of 1x1 convolutions move: their shortcut is subsampled by an average over windows of one element."""
    net = net_of(
        data(2, 4, 8, 8),
        conv("a", "data", 4),
        conv("b", "a", 4, 3, pad=1),
        layer("Eltwise", "sum", ["b", "a"]),
        layer("Convolution", "left", ["sum"], num_output=4, kernel_size=1, stride=2),
        layer("Convolution", "right", ["sum"], num_output=4, kernel_size=1, stride=2),
    )
    fused = apply_stages(net, stage_names(POST_FUSION))
    (subsample,) = (each for each in fused.layers if isinstance(each.params, Pooling) and each.params.pool == "AVE")
    taking = fused.producers["sum/2x2"].name
    net = reading(fused, a=A, left=A, right=A, **{taking: (A, A)})
    made = stored(net).net
    assert made.layer(subsample.name).params.pool == "MAX"
    assert made.blobs[subsample.tops[0]].element == U8
    assert not any(isinstance(each.params, Quantize) for each in made.layers[3:])
    same_bits(net, made, rng)


def test_a_relu_whose_top_is_read_as_u8_is_done_by_its_bottom(rng):
    """Not where it has a slope, is read as s8 or in f32 too, or where an f32 layer makes its bottom."""
    net = net_of(
        data(2, 3, 6, 6),
        conv("a", "data", 4),
        layer("Scale", "scale", ["a"]),
        layer("ReLU", "relu", ["scale"]),
        layer("Pooling", "pool", ["relu"], kernel_size=2),
        conv("b", "pool", 4),
    )
    made = stored(reading(net, a=A, scale=B, b=A)).net
    assert made.layer("scale").stored == (A,)
    assert isinstance(made.layer("relu").params, Split)
    assert [made.blobs[name].element for name in ("a", "scale", "relu", "pool")] == [S8, U8, U8, U8]
    sloped = net.replace(
        layers=tuple(
            each.replace(params=ReLU(negative_slope=0.1)) if each.name == "relu" else each for each in net.layers
        )
    )
    others = (
        reading(net, a=A, scale=B, b=B),
        reading(net, a=A, scale=B, b=A).replace(outputs=("b", "relu")),
        reading(net, a=A, b=A),
        reading(sloped, a=A, scale=B, b=A),
    )
    for other in others:
        assert isinstance(stored(other).net.layer("relu").params, ReLU)
        same_bits(other, stored(other).net, rng)
    same_bits(reading(net, a=A, scale=B, b=A), made, rng)


def test_a_residual_without_a_scale_is_read_in_f32(rng):
    net = net_of(data(2, 4, 6, 6), conv("a", "data", 4), conv("b", "a", 4), layer("Eltwise", "sum", ["b", "a"]))
    fused = apply_stages(reading(net, b=A), stage_names(POST_FUSION))
    (taking,) = (each for each in fused.layers if each.epilogue)
    assert (taking.quantized, taking.bottoms) == ((A,), ("a/u8", "a"))
    same_bits(reading(net, b=A), fused, rng)


def test_no_file_says_how_blobs_are_stored():
    assert [name for name in STAGES if not STAGES[name].in_files] == ["quantized-storage"]
    assert stage_names(POST_FUSION)[-1] == "quantized-storage"


@seed(20190625)
@settings(max_examples=120, deadline=None, database=None)
@given(st.data())
def test_storage_changes_no_bit_of_any_net(drawn):
    net = apply_stages(drawn.draw(nets()), [*stage_names(PLAIN), *stage_names(POST_FUSION)])
    net = drawn.draw(quantized_nets(net))
    same_bits(net, stored(net).net, np.random.default_rng(7))


def test_bf16_is_stored_and_handed_on(rng):
    net = reading(chain(), conv1=HALF, conv2=HALF)
    rewrite = stored(net)
    assert [each.name for each in rewrite.net.layers] == ["data", "data/bf16", "conv1", "pool", "conv2", "relu"]
    blobs = [rewrite.net.blobs[name] for name in ("data", "data/bf16", "conv1", "pool", "conv2")]
    assert [(blob.element, blob.scale) for blob in blobs] == [(each, 1) for each in (REAL, BF16, BF16, BF16, REAL)]
    assert [str(note) for note in rewrite.changes] == [
        "conv1: reads 'data' as bf16: 'data' computes in f32",
        "conv1: stores 'conv1' as bf16",
        "pool: hands on bf16",
    ]
    assert [str(note) for note in rewrite.refusals] == ["conv2: stores 'conv2' as f32: it is read as f32 by 'relu'"]
    same_bits(net, rewrite.net, rng)


def test_integers_bf16_and_f32_side_by_side(rng):
    net = two_readers(conv2=HALF, conv3=A)
    rewrite = stored(net)
    assert rewrite.net.blobs["conv1"].element == REAL
    assert [rewrite.net.layer(name).bottoms for name in ("conv2", "conv3")] == [("conv1/bf16",), ("conv1/u8",)]
    assert "it is read in different ways, by 'conv2', 'conv3'" in str(rewrite.refusals[0])
    same_bits(net, rewrite.net, rng)


def test_layers_of_one_kind_do_not_store_the_other(rng):
    for maker, reader in ((A, HALF), (HALF, B)):
        net = reading(two_readers(), conv1=maker, conv2=reader, conv3=reader)
        rewrite = stored(net)
        assert rewrite.net.blobs["conv1"].element == REAL
        assert rewrite.net.layer("conv2").bottoms == (f"conv1/{reader.element.name}",)
        assert "conv2: reads 'conv1' as" in str(rewrite.changes[1])
        assert str(rewrite.changes[1]).endswith("'conv1' stores other values")
        same_bits(net, rewrite.net, rng)


def test_residuals_and_projections_are_read_in_bf16(rng):
    net = net_of(
        data(2, 4, 6, 6),
        conv("a", "data", 4),
        conv("b", "a", 4),
        layer("Eltwise", "sum", ["b", "a"]),
        conv("c", "sum", 4),
        conv("d", "data", 4),
        layer("Eltwise", "total", ["c", "d"]),
        layer("ReLU", "relu", ["total"]),
    )
    fused = apply_stages(net, stage_names(POST_FUSION))
    parts = sorted(part for each in fused.layers if each.epilogue for part in each.epilogue.parts)
    assert parts == ["ReLU", "projection", "sum"]
    net = reading(fused, **{each.name: (HALF,) * len(each.bottoms) for each in fused.layers if each.bottoms})
    made = stored(net).net
    assert {blob.element for name, blob in made.blobs.items() if name not in ("data", "relu")} == {BF16}
    same_bits(net, made, rng)


@seed(20190625)
@settings(max_examples=120, deadline=None, database=None)
@given(st.data())
def test_storage_of_bf16_beside_integers_changes_no_bit_of_any_net(drawn):
    net = apply_stages(drawn.draw(nets()), [*stage_names(PLAIN), *stage_names(POST_FUSION)])
    net = drawn.draw(mixed_nets(net))
    same_bits(net, stored(net).net, np.random.default_rng(7))


@seed(20190625)
@settings(max_examples=120, deadline=None, database=None)
@given(st.data())
def test_fusions_of_layers_that_read_bf16_change_no_bit(drawn):
    net = drawn.draw(mixed_nets(apply_stages(drawn.draw(nets()), stage_names(PLAIN))))
    fused = apply_stages(net, [name for name in stage_names(POST_FUSION) if name != "eliminate-unread"])
    same_bits(net, fused, np.random.default_rng(7))


@seed(20190625)
@settings(max_examples=120, deadline=None, database=None)
@given(st.data())
def test_fusions_of_layers_that_read_integers_change_no_bit(drawn):
    net = drawn.draw(quantized_nets(apply_stages(drawn.draw(nets()), stage_names(PLAIN))))
    fused = apply_stages(net, [name for name in stage_names(POST_FUSION) if name != "eliminate-unread"])
    same_bits(net, fused, np.random.default_rng(7))


def test_strides_that_move_between_layers_of_integers_change_no_bit(rng):
    net = net_of(
        data(2, 4, 9, 9),
        conv("a", "data", 4, 3, pad=1),
        conv("b", "a", 4, 3, pad=1),
        layer("Eltwise", "sum", ["b", "a"]),
        layer("ReLU", "relu", ["sum"]),
        layer("Convolution", "left", ["relu"], num_output=4, kernel_size=1, stride=2),
        layer("Convolution", "right", ["relu"], num_output=4, kernel_size=1, stride=2),
    )
    net = reading(net, a=B, b=A, left=A, right=A)
    fused = apply_stages(net, stage_names(POST_FUSION))
    assert "relu/2x2" in fused.blobs
    assert fused.blobs["relu/2x2"].element == U8
    same_bits(net, fused, rng)
