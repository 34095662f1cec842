"""Layers without a way to an output are removed."""

from tests.optimize.building import assert_same_outputs, assert_settled, conv, data, layer, names, net_of
from xdn.optimize.eliminate.dead import EliminateDead


def branches(outputs):
    return net_of(
        data(2, 3, 4, 4),
        data(2, 1, name="label"),
        conv("a", "data", 2),
        conv("b", "data", 2),
        layer("ReLU", "r", ["b"]),
        outputs=outputs,
    )


def test_a_branch_that_no_output_needs():
    net = branches(["a"])
    done = EliminateDead().apply(net)
    assert names(done.net) == ["a"]
    assert [note.layer for note in done.changes] == ["b", "r"]
    assert_same_outputs(net, done.net)
    assert_settled(EliminateDead, done.net)


def test_inputs_stay_though_nothing_reads_them():
    assert list(EliminateDead().apply(branches(["a"])).net.inputs) == ["data", "label"]


def test_without_declared_outputs_every_end_is_one():
    net = branches([])
    assert set(net.outputs) == {"a", "r", "label"}
    assert EliminateDead().apply(net).net is net


def test_a_layer_with_one_needed_top_stays():
    net = net_of(data(2, 3), layer("Split", "s", ["data"], ["x", "y"]), layer("ReLU", "r", ["x"]), outputs=["r"])
    assert EliminateDead().apply(net).net is net
