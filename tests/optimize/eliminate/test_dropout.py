"""Dropout is removed where it does nothing."""

from tests.optimize.building import assert_same_outputs, assert_settled, conv, data, layer, names, net_of
from xdn.graph import Quantized
from xdn.optimize.eliminate.dropout import EliminateDropout


def test_readers_read_the_bottom():
    net = net_of(data(2, 3, 4, 4), layer("Dropout", "drop", ["data"]), conv("c", "drop", 2))
    done = EliminateDropout().apply(net)
    assert names(done.net) == ["c"]
    assert done.net.layer("c").bottoms == ("data",)
    assert [note.layer for note in done.changes] == ["drop"]
    assert_same_outputs(net, done.net)
    assert_settled(EliminateDropout, done.net)


def test_one_after_another():
    net = net_of(
        data(2, 3), layer("Dropout", "d1", ["data"]), layer("Dropout", "d2", ["d1"]), layer("ReLU", "r", ["d2"])
    )
    done = EliminateDropout().apply(net)
    assert names(done.net) == ["r"]
    assert_same_outputs(net, done.net)


def test_an_output_keeps_its_name():
    net = net_of(data(2, 3, 4, 4), conv("c", "data", 2), layer("Dropout", "drop", ["c"]))
    assert net.outputs == ("drop",)
    done = EliminateDropout().apply(net)
    assert done.net.outputs == ("drop",)
    assert done.net.layer("c").tops == ("drop",)
    assert_same_outputs(net, done.net)


def test_dropout_that_scales_in_the_test_phase_stays():
    net = net_of(data(2, 3), layer("Dropout", "drop", ["data"], scale_train=False), layer("ReLU", "r", ["drop"]))
    assert EliminateDropout().apply(net).net is net


def test_dropout_whose_bottom_is_rounded_before_stays():
    dropout = layer("Dropout", "drop", ["data"]).replace(quantized=(Quantized(0.1),))
    net = net_of(data(2, 3), dropout, layer("ReLU", "r", ["drop"]))
    assert EliminateDropout().apply(net).net is net
