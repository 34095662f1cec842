"""In-place tops: the names of single assignment, and their way back."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdn.errors import NetError
from xdn.frontend.caffe.naming import Wiring, restore_in_place, same_graph, single_assignment
from xdn.frontend.caffe.text import prototxt
from xdn.graph import Layer, Net
from xdn.layers.base import LAYERS
from xdn.layers.input import Input


def names(*layers):
    return [(w.bottoms, w.tops) for w in single_assignment([Wiring(*layer) for layer in layers])]


def test_the_last_writer_keeps_the_name():
    found = names(
        ("in", (), ("data",), True),
        ("conv", ("data",), ("c",)),
        ("bn", ("c",), ("c",)),
        ("side", ("c",), ("s",)),
        ("relu", ("c",), ("c",)),
        ("sum", ("c", "s"), ("y",)),
    )
    assert found == [
        ((), ("data",)),
        (("data",), ("c@conv",)),
        (("c@conv",), ("c@bn",)),
        (("c@bn",), ("s",)),
        (("c@bn",), ("c",)),
        (("c", "s"), ("y",)),
    ]


def test_an_input_keeps_its_name_under_in_place_layers():
    found = names(("in", (), ("data",), True), ("scale", ("data",), ("data",)), ("conv", ("data",), ("c",)))
    assert found == [((), ("data",)), (("data",), ("data@scale",)), (("data@scale",), ("c",))]


def test_a_made_name_avoids_one_that_the_file_has():
    found = names(("a", (), ("x", "x@b")), ("b", ("x",), ("x",)), ("c", ("x",), ("x",)))
    assert found == [((), ("x@a", "x@b")), (("x@a",), ("x@b'",)), (("x@b'",), ("x",))]


@pytest.mark.parametrize(
    "layers",
    [
        [("a", (), ("x",)), ("b", (), ("x",))],
        [("a", (), ("x", "y")), ("b", ("x", "y"), ("y",))],
        [("a", (), ("x", "x"))],
    ],
)
def test_writing_twice_other_than_in_place_is_refused(layers):
    with pytest.raises(NetError, match=r"is written by layer 'a' and again by layer '[ab]'"):
        names(*layers)


def layer(name, kind, bottoms, tops):
    return Layer(name, LAYERS[kind](), tuple(bottoms), tuple(tops))


def net(*layers, outputs=()):
    data = Layer("in", Input(shape=((1, 3, 8, 8),)), (), ("data",))
    return Net("n", (data, *(layer(*parts) for parts in layers)), outputs)


def written(made):
    return [(w.bottoms[0], w.tops[0]) for w in restore_in_place(made)[1:]]


def test_a_chain_is_restored():
    made = net(
        ("bn", "BatchNorm", ["data"], ["c@bn"]), ("sc", "TanH", ["c@bn"], ["c@sc"]), ("re", "ReLU", ["c@sc"], ["c"])
    )
    assert written(made) == [("data", "c"), ("c", "c"), ("c", "c")]


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (net(("a", "TanH", ["data"], ["x@a"]), ("b", "ReLU", ["x@a"], ["x"]), ("c", "TanH", ["x@a"], ["y"])), "read"),
        (net(("a", "TanH", ["data"], ["x@a"]), ("b", "ReLU", ["x@a"], ["x"]), outputs=("x@a", "x")), "output"),
        (net(("a", "TanH", ["data"], ["x@a"]), ("b", "Softmax", ["x@a"], ["x"])), "not elementwise"),
        (net(("a", "TanH", ["data"], ["x@a"]), ("b", "Eltwise", ["x@a", "x@a"], ["x"])), "read twice"),
        (net(("a", "TanH", ["data"], ["other"]), ("b", "ReLU", ["other"], ["x"])), "names of their own"),
    ],
)
def test_what_forbids_it(made, why):
    assert written(made)[:2] == [(la.bottoms[0], la.tops[0]) for la in made.layers[1:3]], why


def test_names_that_would_clash_are_left():
    """`x` is written at the end by an unrelated layer: sharing it would write a blob twice."""
    made = net(("a", "TanH", ["data"], ["x@a"]), ("b", "ReLU", ["x@a"], ["x@b"]), ("c", "Softmax", ["x@b"], ["x"]))
    assert written(made) == [("data", "x@a"), ("x@a", "x@b"), ("x@b", "x")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.booleans()), max_size=10))
def test_random_files_come_back_as_they_were(steps):
    """Random chains of in-place and other layers: single assignment, restoring, single assignment: the same graph."""
    file = [Wiring("in", (), ("data",), True)]
    have = ["data"]
    for index, (source, target, in_place) in enumerate(steps):
        bottom = source if source in have else "data"
        top = bottom if in_place and bottom != "data" else f"{target}{index}"
        file.append(Wiring(f"l{index}", (bottom,), (top,)))
        have.append(top)
    graph = single_assignment(file)
    layers = [layer(w.name, "ReLU", w.bottoms, w.tops) for w in graph[1:]]
    made = Net("n", (Layer("in", Input(shape=((1, 1),)), (), ("data",)), *layers))
    assert restore_in_place(made) == file


def test_long_chains_of_made_names_cost_little():
    """Every one of these names is taken already when its turn comes."""
    taken = tuple("x@l" + "'" * count for count in range(3000))
    layers = [("a", (), (*taken, "x")), *(("l", ("x",), ("x",)) for _ in range(3000)), ("m", ("x",), ("x",))]
    found = names(*layers)
    assert found[-1][1] == ("x",)
    assert len({top for _, tops in found for top in tops}) == 6002


def test_an_input_writes_nothing_in_place():
    inputs = [Wiring("a", (), ("x",), True), Wiring("b", ("x",), ("x",), True)]
    with pytest.raises(NetError, match="blob 'x' is written by layer 'a' and again by layer 'b'"):
        single_assignment(inputs)


def _without_splits(net):
    """Return the wirings of a NetParameter without its Split layers, whose tops go under their bottom's name."""
    wirings = single_assignment([Wiring(la.name, tuple(la.bottom), tuple(la.top)) for la in net.layer])
    origin, kept = {}, []
    for layer, wiring in zip(net.layer, wirings, strict=True):
        bottoms = tuple(origin.get(name, name) for name in wiring.bottoms)
        if layer.type == "Split":
            origin |= dict.fromkeys(wiring.tops, bottoms[0])
        else:
            kept.append(replace(wiring, bottoms=bottoms))
    return kept


def test_splits_are_where_caffe_puts_them(material):
    """A blob that Caffe splits is one that several layers read here; without its Split layers the net is the same."""
    vectors = json.loads(material("layers", "proto_vectors.json").read_text())["InsertSplits"]
    assert len(vectors) == 8
    for name, case in vectors.items():
        net = prototxt.parse(case["strings"]["input_proto"])
        wirings = single_assignment([Wiring(la.name, tuple(la.bottom), tuple(la.top)) for la in net.layer])
        read = Counter(bottom for wiring in wirings for bottom in wiring.bottoms)
        if "expected_output_proto" in case["strings"]:
            split = prototxt.parse(case["strings"]["expected_output_proto"])
            assert same_graph(_without_splits(net), _without_splits(split)), name
            added = Counter(la.bottom[0] for la in split.layer if la.type == "Split")
            assert all(read[bottom] > 1 or _is_loss(net, bottom) for bottom in added), name
        else:
            assert max(read.values()) == 1, name


def _is_loss(net, blob):
    """Return whether a blob counts in the loss, which Caffe takes for one more reader."""
    return any(la.loss_weight and blob in la.top for la in net.layer)
