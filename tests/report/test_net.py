"""The table of layers."""

from tests.optimize.building import conv, data, layer, net_of
from tests.report.rendering import rows
from xdn.graph.summary import summarize
from xdn.optimize.fuse.activation import FuseActivation
from xdn.report.net import net_table


def small():
    return net_of(data(1, 3, 32, 32), conv("c[red]", "data", 16, 3), layer("ReLU", "r", ["c[red]"]))


def test_a_row_a_layer_and_the_totals():
    title, header, _, *layers, total = rows(net_table(summarize(small())))
    assert title == ["test"]
    assert header == ["layer", "type", "shape", "parameters", "MACs/image", "weights", "tops/image"]
    assert layers[1] == ["c[red]", "Convolution", "1x16x30x30", "448", "389 k", "1.75 KiB", "56.2 KiB"]
    assert layers[2] == ["r", "ReLU", "1x16x30x30", "56.2 KiB"]
    assert total == ["3 layers", "448", "389 k", "1.75 KiB", "124 KiB"]


def test_what_post_fusion_appended_stands_with_the_type():
    fused = FuseActivation().apply(small()).net
    assert rows(net_table(summarize(fused)))[4][1] == "Convolution + ReLU"
