"""Split is removed; its readers read one blob."""

from tests.optimize.building import assert_same_outputs, assert_settled, conv, data, layer, names, net_of
from xdn.optimize.eliminate.split import EliminateSplit


def test_all_readers_read_the_bottom():
    net = net_of(
        data(2, 3, 4, 4),
        layer("Split", "split", ["data"], ["a", "b"]),
        conv("c", "a", 3),
        layer("Eltwise", "sum", ["c", "b"]),
    )
    done = EliminateSplit().apply(net)
    assert names(done.net) == ["c", "sum"]
    assert done.net.layer("sum").bottoms == ("c", "data")
    assert_same_outputs(net, done.net)
    assert_settled(EliminateSplit, done.net)


def test_one_top_may_be_an_output():
    net = net_of(
        data(2, 3, 4, 4),
        conv("c", "data", 3),
        layer("Split", "split", ["c"], ["a", "b"]),
        layer("ReLU", "r", ["b"]),
        outputs=["a", "r"],
    )
    done = EliminateSplit().apply(net)
    assert names(done.net) == ["c", "r"]
    assert done.net.layer("c").tops == ("a",)
    assert done.net.layer("r").bottoms == ("a",)
    assert_same_outputs(net, done.net)


def test_two_outputs_keep_the_split():
    net = net_of(data(2, 3, 4, 4), conv("c", "data", 3), layer("Split", "split", ["c"], ["a", "b"]))
    done = EliminateSplit().apply(net)
    assert done.net is net
    assert "'a', 'b' are outputs" in done.refusals[0].text
