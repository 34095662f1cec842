"""A net in numbers."""

from math import prod

from tests.optimize.building import conv, data, layer, net_of
from xdn.graph.cost import Cost
from xdn.graph.summary import summarize
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
