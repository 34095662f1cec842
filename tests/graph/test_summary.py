"""A net in numbers."""

from math import prod

import pytest

from tests.optimize.building import conv, data, layer, net_of
from xdn.graph import Layer
from xdn.graph.cost import Cost, net_cost
from xdn.graph.summary import summarize
from xdn.graph.unknown import UnknownParams
from xdn.optimize.fuse.activation import FuseActivation
from xdn.optimize.fuse.residual import FuseResidual


def small(**kwargs):
    return net_of(
        data(4, 3, 5, 5),
        conv("c", "data", 3, 3, pad=1),
        layer("Eltwise", "sum", ["c", "data"]),
        layer("ReLU", "relu", ["sum"]),
        **kwargs,
    )


def test_rows_and_totals_for_one_image():
    summary = summarize(small(weights=False))
    assert [row.type for row in summary.layers] == ["Input", "Convolution", "Eltwise", "ReLU"]
    convolution = summary.layers[1]
    assert convolution.shapes == ((4, 3, 5, 5),)
    parameters = 3 * 3 * 3 * 3 + 3
    assert convolution.cost == Cost(prod((3, 5, 5, 3, 3, 3)), parameters, 4 * parameters, 4 * 3 * 5 * 5)
    assert summary.total == Cost(prod((3, 5, 5, 3, 3, 3)), parameters, 4 * parameters, 4 * 4 * 3 * 5 * 5)
    assert summary.outputs == ("relu",)


def test_what_post_fusion_appended():
    fused = FuseActivation().apply(FuseResidual().apply(small()).net).net
    row = summarize(fused).layers[1]
    assert (row.type, row.epilogue) == ("Convolution", ("sum", "ReLU"))
    assert row.bottoms == ("data", "data")


def test_shared_weights_count_once():
    net = net_of(data(1, 2, 3, 3), conv("a", "data", 2, shared=["w", "b"]), conv("b", "a", 2, shared=["w", "b"]))
    summary = summarize(net)
    assert [row.cost.parameters for row in summary.layers] == [0, 6, 6]
    assert summary.total.parameters == 6


def strange(name, *bottoms, tops=None, kind="Warp"):
    return Layer(name, UnknownParams(kind), bottoms, (name,) if tops is None else tops)


def test_shapes_after_an_unknown_layer_are_unknown():
    net = net_of(
        data(1, 3, 5, 5),
        conv("a", "data", 4),
        strange("x", "a", tops=("x1", "x2")),
        conv("b", "x1", 2),
        layer("Eltwise", "sum", ["a", "b"]),
        conv("c", "a", 2),
        strange("y", "c", kind="Weft"),
        strange("z", "x2"),
        weights=False,
    )
    summary = summarize(net)
    shapes = {row.name: row.shapes for row in summary.layers}
    known = {"data": ((1, 3, 5, 5),), "a": ((1, 4, 5, 5),), "c": ((1, 2, 5, 5),)}
    assert shapes == known | {"x": (None, None)} | dict.fromkeys(("b", "sum", "y", "z"), (None,))
    assert {row.name for row in summary.layers if row.cost is None} == shapes.keys() - known.keys()
    assert {row.name for row in summary.layers if not row.known} == {"x", "y", "z"}
    assert summary.unknown_types == {"Warp": 2, "Weft": 1}
    assert summary.outputs == net.outputs == ("sum", "y", "z")
    assert summary.total == net_cost(net_of(*(net.layer(name) for name in known), weights=False))


def test_an_unknown_layer_without_tops():
    summary = summarize(net_of(data(1, 3, 5, 5), strange("x", "data", tops=()), weights=False))
    assert [(row.shapes, row.cost is None) for row in summary.layers] == [(((1, 3, 5, 5),), False), ((), True)]


def test_known_types_only():
    summary = summarize(small(weights=False))
    assert summary.unknown_types == {}
    assert all(row.known for row in summary.layers)


@pytest.mark.parametrize("reader", [conv("b", "nothing", 2), layer("ReLU", "b", ["nothing"])])
def test_what_no_layer_gives_has_no_shape(reader, caplog):
    after = layer("ReLU", "after", ["b"])
    rows = summarize(net_of(data(1, 3, 5, 5), reader, after, layer("ReLU", "r", ["data"]), weights=False)).layers
    assert [row.shapes for row in rows] == [((1, 3, 5, 5),), (None,), (None,), ((1, 3, 5, 5),)]
    assert [row.cost is None for row in rows] == [False, True, True, False]
    assert "unknown bottom blob 'nothing'" in caplog.text
    assert len(caplog.records) == 1


def test_shapes_that_do_not_fit_are_unknown_and_the_log_says_why(caplog):
    rows = summarize(net_of(data(1, 3, 5, 5), conv("b", "data", 2, 9), weights=False)).layers
    assert [row.shapes for row in rows] == [((1, 3, 5, 5),), (None,)]
    assert "layer 'b'" in caplog.text


def test_the_first_few_reasons_are_told(caplog):
    layers = [conv(f"c{i}", "data", 2, 9) for i in range(20)]
    summarize(net_of(data(1, 3, 5, 5), *layers, weights=False))
    assert len(caplog.records) == 8
