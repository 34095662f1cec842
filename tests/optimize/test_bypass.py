"""What a bypass may rename, and what must keep its name."""

from tests.optimize.building import assert_same_outputs, conv, data, layer, names, net_of
from xdn.optimize.eliminate.dropout import EliminateDropout
from xdn.optimize.eliminate.split import EliminateSplit
from xdn.optimize.fuse.residual import FuseResidual


def dropped(net):
    done = EliminateDropout().apply(net)
    assert done.net.outputs == net.outputs
    assert done.net.inputs == net.inputs
    assert_same_outputs(net, done.net)
    return done


def test_an_input_never_takes_an_outputs_name():
    done = dropped(net_of(data(2, 3), layer("Dropout", "drop", ["data"])))
    assert names(done.net) == ["drop"]
    assert "is an input" in done.refusals[0].text


def test_bottom_and_top_both_outputs():
    done = dropped(
        net_of(data(2, 3, 4, 4), conv("c", "data", 2), layer("Dropout", "drop", ["c"]), outputs=["c", "drop"])
    )
    assert names(done.net) == ["c", "drop"]
    assert "both outputs" in done.refusals[0].text


def test_two_bypasses_of_one_blob_that_both_end_in_outputs():
    net = net_of(
        data(2, 3, 4, 4),
        conv("c", "data", 2),
        layer("Dropout", "d1", ["c"]),
        layer("Dropout", "d2", ["c"]),
        layer("ReLU", "r", ["c"]),
        outputs=["d1", "d2", "r"],
    )
    done = dropped(net)
    assert names(done.net) == ["c", "d2", "r"]
    assert done.net.layer("r").bottoms == ("d1",)


def test_a_chain_that_ends_in_an_output_with_readers_on_the_way():
    net = net_of(
        data(2, 3, 4, 4),
        conv("c", "data", 2),
        layer("Dropout", "d1", ["c"]),
        layer("ReLU", "r", ["d1"]),
        layer("Dropout", "d2", ["d1"]),
        outputs=["r", "d2"],
    )
    done = dropped(net)
    assert names(done.net) == ["c", "r"]
    assert done.net.layer("c").tops == done.net.layer("r").bottoms == ("d2",)


def test_a_residual_that_an_epilogue_adds_is_renamed_too():
    net = net_of(
        data(2, 3, 4, 4),
        conv("a", "data", 3),
        layer("Split", "split", ["a"], ["x", "y"]),
        conv("b", "x", 3),
        layer("Eltwise", "sum", ["y", "b"]),
    )
    fused = FuseResidual().apply(net).net
    assert fused.layer("b").bottoms == ("x", "y")
    done = EliminateSplit().apply(fused)
    assert done.net.layer("b").bottoms == ("a", "a")
    assert_same_outputs(net, done.net)


def test_the_blob_that_stays_takes_the_last_name():
    net = net_of(data(2, 3, 4, 4), conv("c", "data", 2), layer("Dropout", "drop", ["c"]), layer("ReLU", "r", ["drop"]))
    done = dropped(net)
    assert done.net.layer("c").tops == ("drop",)
    assert done.net.layer("r").bottoms == ("drop",)
