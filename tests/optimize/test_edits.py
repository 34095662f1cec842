"""Edits: layers replaced and removed by name, and every reason."""

from tests.optimize.building import conv, data, names, net_of
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.stage import Note


def chain():
    return net_of(data(1, 2, 3, 3), conv("a", "data", 2), conv("b", "a", 2), conv("c", "b", 2))


def test_edits_without_changes_leave_the_very_net():
    net, edits = chain(), Edits()
    assert edits.rewrite(net).net is net
    edits.refuse(net.layer("a"), "stays: it is needed")
    rewrite = edits.rewrite(net)
    assert rewrite.net is net
    assert (rewrite.changes, rewrite.refusals) == ((), (Note("a", "stays: it is needed"),))


def test_layers_are_removed_and_replaced_by_name():
    net, edits = chain(), Edits()
    edits.made["c"] = net.layer("b").replace(tops=("c",))
    edits.change(net.layer("c"), "done by 'b'", [net.layer("b")])
    rewrite = edits.rewrite(net)
    assert names(rewrite.net) == ["a", "b"]
    assert rewrite.net.layer("b").tops == ("c",)
    assert names(net) == ["a", "b", "c"]
    assert rewrite.changes == (Note("c", "done by 'b'"),)


def test_a_layer_in_whose_place_another_was_made_stays():
    net, edits = chain(), Edits()
    edits.made["b"] = net.layer("b").replace(bottoms=("data",))
    edits.change(net.layer("a"), "merged", [net.layer("a"), net.layer("b")])
    assert names(edits.rewrite(net).net) == ["b", "c"]


def test_a_fusion_looks_at_every_layer_in_order():
    class Looking(Fusion):
        def fuse(self, net, layer, edits):
            edits.refuse(layer, "seen")

    assert [note.layer for note in Looking().apply(chain()).refusals] == ["data", "a", "b", "c"]
