"""Which positions are not computed, and that all the others stay as they are, bit for bit."""

import numpy as np
import pytest
from hypothesis import assume, given, seed, settings
from hypothesis import strategies as st

from tests.layers.oracles import thin
from tests.optimize.building import assert_settled, conv, data, layer, names, net_of
from xdn.frontend import load, save
from xdn.graph import Epilogue
from xdn.graph.cost import net_cost
from xdn.graph.verify import verify
from xdn.layers.pooling import Pooling
from xdn.layers.relu import ReLU
from xdn.optimize.check import reference
from xdn.optimize.eliminate.unread import EliminateUnread
from xdn.optimize.pipeline import apply_stages
from xdn.optimize.stage import POST_FUSION, stage_names

SHAPE = (2, 4, 7, 6)
#: The stages that this one follows.
FUSIONS = ("fuse-residual", "fuse-activation")


def whole_numbers(net):
    """Return the net with small whole numbers as weights: f32 holds their sums, in whatever order BLAS adds."""
    return net.replace(
        layers=tuple(
            each.replace(weights={name: np.rint(2 * array) for name, array in each.weights.items()})
            for each in net.layers
        )
    )


def images(net, seed=3):
    """Return a batch of small whole numbers."""
    rng = np.random.default_rng(seed)
    return {name: rng.integers(-3, 4, blob.shape).astype(np.float32) for name, blob in net.inputs.items()}


def skip(net):
    """Run the stage; whatever the nets have in common must be equal, and what lost positions must be a part."""
    net = whole_numbers(net)
    done = EliminateUnread().apply(net)
    verify(done.net)
    assert (done.net.inputs, done.net.outputs) == (net.inputs, net.outputs)
    before, after = reference(net, images(net)), reference(done.net, images(net))
    for blob in after:
        known, _, stride = blob.rpartition("/")
        h, w = map(int, stride.split("x")) if known else (1, 1)
        np.testing.assert_array_equal(after[blob], thin(before[known], (h, w)) if known else before[blob])
    assert_settled(EliminateUnread, done.net)
    if done.changes:
        assert net_cost(done.net).macs < net_cost(net).macs
    else:
        assert done.net is net
    return done


def refused(net, *reasons):
    done = skip(net)
    assert done.changes == ()
    assert len(done.refusals) == len(reasons)
    for note, reason in zip(done.refusals, reasons, strict=True):
        assert reason in note.text


def stride_of(net, name):
    return net.layer(name).params.window(2).stride


def test_a_stride_moves_to_the_convolution_before():
    net = net_of(data(*SHAPE), conv("a", "data", 5, 3, pad=1), conv("b", "a", 6, stride=2))
    done = skip(net)
    assert [stride_of(done.net, name) for name in "ab"] == [(2, 2), (1, 1)]
    assert done.net.layer("a").tops == ("a/2x2",)
    assert done.net.outputs == ("b",)
    assert [str(note) for note in done.changes] == ["a: computes 1 of 2x2 positions: no other is read by 'b'"]


def test_it_moves_through_1x1_convolutions_and_grows_with_their_strides():
    net = net_of(
        data(2, 4, 23, 17),
        conv("a", "data", 5, 3),
        conv("b", "a", 6, stride=2, group=1),
        conv("c", "b", 6, stride=(1, 3), group=2),
    )
    done = skip(net)
    assert [stride_of(done.net, name) for name in "abc"] == [(2, 6), (1, 1), (1, 1)]
    assert list(done.net.blobs) == ["data", "a/2x6", "b/1x3", "c"]


def test_all_readers_must_skip_the_same():
    net = net_of(data(*SHAPE), conv("a", "data", 5, 3), conv("b", "a", 6, stride=2), conv("c", "a", 4, stride=2))
    assert [stride_of(skip(net).net, name) for name in "abc"] == [(2, 2), (1, 1), (1, 1)]
    different = net_of(data(*SHAPE), conv("a", "data", 5, 3), conv("b", "a", 6, stride=2), conv("c", "a", 4, stride=3))
    refused(different, "only some are read by 'c', 'b': they read different positions")
    full = net_of(data(*SHAPE), conv("a", "data", 5, 3), conv("b", "a", 6, stride=2), conv("c", "a", 4, 3, stride=2))
    refused(full, "only some are read by 'b': all are read by 'c'")


@pytest.mark.parametrize(
    "reader", [{"kernel": 3, "stride": 2}, {"kernel": 1, "stride": 2, "pad": 1}, {"kernel": 1}], ids=str
)
def test_not_for_other_readers(reader):
    refused(net_of(data(*SHAPE), conv("a", "data", 5, 3), conv("b", "a", 6, **reader)))


@pytest.mark.parametrize(
    "between",
    [("ReLU", {}), ("PReLU", {}), ("Scale", {"bias_term": True}), ("BatchNorm", {}), ("Dropout", {})],
    ids=lambda each: each[0],
)
def test_it_passes_layers_that_keep_positions(between):
    type_name, params = between
    net = net_of(
        data(*SHAPE), conv("a", "data", 5, 3), layer(type_name, "m", ["a"], **params), conv("b", "m", 6, stride=2)
    )
    done = skip(net)
    assert list(done.net.blobs) == ["data", "a/2x2", "m/2x2", "b"]
    assert done.net.layer("m").params is net.layer("m").params


@pytest.mark.parametrize(
    "between",
    [
        ("Scale", {"axis": 2}),
        ("BatchNorm", {"use_global_stats": False}),
        ("Pooling", {"kernel_size": 3}),
        ("LRN", {}),
        ("Concat", {}),
    ],
    ids=lambda each: each[0],
)
def test_it_does_not_pass_others(between):
    type_name, params = between
    middle = layer(type_name, "m", ["a"], **params)
    net = net_of(data(*SHAPE), conv("a", "data", 5, 3), middle, conv("b", "m", 6, stride=2))
    refused(net, f"'m' ({type_name}) cannot skip any")


def test_not_outputs():
    net = net_of(data(*SHAPE), conv("a", "data", 5, 3), conv("b", "a", 6, stride=2), outputs=["a", "b"])
    refused(net, "'a' is an output of the net")


def test_not_where_nothing_is_saved():
    refused(net_of(data(*SHAPE), conv("b", "data", 6, stride=2)), "'data' (Input) cannot skip any")
    chain = net_of(data(*SHAPE), layer("ReLU", "r", ["data"]), conv("b", "r", 6, stride=2))
    refused(chain, "'data' (Input) cannot skip any", "no multiplication before it would be saved")
    one = net_of(data(2, 4, 3, 3), conv("a", "data", 5, 3), conv("b", "a", 6, stride=2))
    refused(one, "no multiplication would be saved")
    used = net_of(
        data(*SHAPE),
        conv("a", "data", 4),
        layer("ReLU", "r", ["a"]),
        conv("b", "r", 6, stride=2),
        layer("Eltwise", "e", ["a", "data"]),
    )
    refused(used, "all are read by 'e'", "no multiplication before it would be saved")


def residual_block(**params):
    """Return two blocks: the second one's sum is read by strided convolutions, its shortcut by others in full."""
    return net_of(
        data(*SHAPE),
        conv("shortcut", "data", 4),
        conv("reduce", "shortcut", 3),
        conv("spatial", "reduce", 3, 3, pad=1),
        conv("expand", "spatial", 4),
        layer("Eltwise", "sum", ["shortcut", "expand"], **params),
        layer("ReLU", "relu", ["sum"]),
        conv("left", "relu", 6, stride=2),
        conv("right", "relu", 5, stride=2),
    )


def test_a_fused_residual_is_subsampled():
    net = apply_stages(residual_block(), FUSIONS)
    assert net.layer("expand").epilogue == Epilogue(residual=True, activation=ReLU())
    done = skip(net)
    assert names(done.net) == ["shortcut", "shortcut/2x2", "reduce", "spatial", "expand", "left", "right"]
    assert done.net.layer("expand").bottoms == ("spatial/2x2", "shortcut/2x2")
    assert done.net.layer("shortcut/2x2").params == Pooling(
        pool="AVE", kernel_size=(1,), stride_h=2, stride_w=2, round_mode="FLOOR"
    )
    assert stride_of(done.net, "spatial") == (2, 2)
    assert "reads 'shortcut' subsampled, 1 of 2x2 positions" in done.changes[-1].text


def test_so_is_the_bottom_of_a_sum_that_stays():
    done = skip(residual_block(operation="MAX"))
    assert done.net.layer("sum").bottoms == ("shortcut/2x2", "expand/2x2")


def test_a_residual_that_nothing_else_reads_is_not_computed():
    net = net_of(
        data(*SHAPE),
        conv("a", "data", 4, 3),
        conv("b", "data", 4, 3),
        layer("Eltwise", "sum", ["a", "b"]),
        conv("c", "sum", 6, stride=2),
    )
    done = skip(apply_stages(net, ["fuse-residual"]))
    assert names(done.net) == ["a", "b", "c"]
    assert [stride_of(done.net, name) for name in "abc"] == [(2, 2), (2, 2), (1, 1)]
    assert done.net.layer("b").bottoms == ("data", "a/2x2")


def test_a_residual_that_is_the_own_bottom():
    net = net_of(
        data(*SHAPE), conv("a", "data", 4, 3), conv("b", "a", 4), layer("Eltwise", "sum", ["a", "b"]),
        conv("c", "sum", 6, stride=2),
    )  # fmt: skip
    done = skip(apply_stages(net, ["fuse-residual"]))
    assert done.net.layer("b").bottoms == ("a/2x2", "a/2x2")
    assert stride_of(done.net, "b") == (1, 1)


def test_one_subsample_serves_several():
    layers = [data(*SHAPE)]
    for i in range(2):
        layers += [conv(f"a{i}", "data", 4), layer("Eltwise", f"s{i}", ["data", f"a{i}"])]
        layers += [conv(f"b{i}", f"s{i}", 3, stride=2)]
    done = skip(net_of(*layers))
    assert names(done.net) == ["data/2x2", "a0", "s0", "b0", "a1", "s1", "b1"]


def test_infinity_and_nan_pass_a_subsample():
    net = skip(apply_stages(residual_block(), ["fuse-residual"])).net
    special = np.array([np.nan, np.inf, -np.inf, 3.4e38, -1e-45, 0.1], np.float32).reshape(1, 1, 1, 6)
    (found,) = net.layer("shortcut/2x2").params.reference([special], {}, 1)
    np.testing.assert_array_equal(found, special[..., ::2])


def test_names_that_are_taken():
    net = net_of(data(*SHAPE), conv("a", "data", 5, 3), conv("b", "a", 6, stride=2), conv("a/2x2", "b", 2))
    assert list(EliminateUnread().apply(net).net.blobs) == ["data", "a/2x2_", "b", "a/2x2"]


def test_shared_weights_stay_shared():
    shared = [conv(name, "data", 5, 3, shared=["w", "b"]) for name in "ab"]
    net = skip(net_of(data(*SHAPE), *shared, conv("c", "a", 6, stride=2))).net
    assert [stride_of(net, name) for name in "ab"] == [(2, 2), (1, 1)]
    assert net.layer("a").shared == net.layer("b").shared == ("w", "b")


def test_other_image_sizes_agree_too():
    net = whole_numbers(apply_stages(residual_block(), FUSIONS))
    done = EliminateUnread().apply(net).net
    for h in range(1, 7):
        sized = [each.reshape({"data": (1, 4, h, 9 - h)}) for each in (net, done)]
        before, after = (reference(each, images(sized[0])) for each in sized)
        for name in net.outputs:
            np.testing.assert_array_equal(after[name], before[name])


def test_what_is_written_is_read_again(tmp_path):
    net = apply_stages(residual_block(), stage_names(POST_FUSION))
    save(net, tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    again = load(tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    for name, blob in reference(net, images(net)).items():
        np.testing.assert_array_equal(reference(again, images(net))[name], blob)


@st.composite
def nets(draw):
    """Draw nets in which many convolutions are 1x1 with strides, with sums, activations and several outputs."""
    layers, sizes = [data(1, 4, 13, 10)], {"data": (13, 10)}
    for i in range(draw(st.integers(2, 14))):
        name, blobs = f"l{i}", list(sizes)
        bottom = draw(st.sampled_from([*blobs, *blobs[-1:] * 4]))
        alike = [blob for blob in blobs if sizes[blob] == sizes[bottom]]
        kind = draw(st.sampled_from(["strided", "strided", "1x1", "3x3", "relu", "sum", "sum", "max", "pool"]))
        if kind in ("sum", "max"):
            layers.append(conv(f"{name}_conv", bottom, 4))
            bottoms = [f"{name}_conv", draw(st.sampled_from(alike))]
            made = layer("Eltwise", name, bottoms, operation=kind.upper())
        elif kind == "relu":
            made = layer("ReLU", name, [bottom])
        elif kind == "pool":
            made = layer("Pooling", name, [bottom], kernel_size=3, pad=1)
        elif kind == "3x3":
            made = conv(name, bottom, 4, 3, pad=1, stride=draw(st.sampled_from([1, 1, 2])))
        else:
            stride = draw(st.sampled_from([(2,), (2,), (2, 1), (1, 3)])) if kind == "strided" else (1,)
            made = conv(name, bottom, 4, stride=stride, group=draw(st.sampled_from([1, 2])))
        layers.append(made)
        (top,) = net_of(*layers, weights=False).top_blobs(made)
        sizes[name] = top.shape[2:]
    net = net_of(*layers, seed=draw(st.integers(0, 99)))
    extra = draw(st.sampled_from([(), (), tuple(list(sizes)[1:2])]))
    return net.replace(outputs=tuple(dict.fromkeys((*net.outputs, *extra))))


@seed(20190625)
@settings(max_examples=200, deadline=None, database=None)
@given(nets(), st.booleans())
def test_random_nets(net, fused):
    values = reference(whole_numbers(net), images(net))
    assume(max(np.abs(array).max() for array in values.values()) < 2**20)  # f32 holds whole numbers up to 2**24
    skip(apply_stages(net, FUSIONS if fused else ()))
