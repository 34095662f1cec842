"""What stages ask of a net."""

from tests.optimize.building import conv, data, layer, net_of
from xdn.optimize.match import reason_to_keep, sharers


def test_reasons_to_keep_a_blob():
    net = net_of(
        data(1, 2, 3, 3),
        conv("a", "data", 2),
        conv("b", "a", 2),
        conv("c", "b", 2),
        layer("Eltwise", "sum", ["c", "c"]),
        outputs=["a", "sum"],
    )
    assert "'a' is an output" in reason_to_keep(net, "a")
    assert reason_to_keep(net, "b") is None
    assert "'c' is read 2 times, by 'sum', 'sum'" in reason_to_keep(net, "c")


def test_sharers():
    net = net_of(
        data(1, 2, 3, 3),
        conv("a", "data", 2, shared=["w", "b1"]),
        conv("b", "a", 2, shared=["w", "b2"]),
        conv("c", "b", 2, shared=["", "b3"]),
        conv("d", "c", 2, shared=["", ""]),
    )
    assert [other.name for other in sharers(net, net.layer("a"))] == ["b"]
    assert sharers(net, net.layer("c")) == []
    assert sharers(net, net.layer("d")) == []
