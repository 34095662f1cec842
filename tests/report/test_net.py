"""The table of layers."""

import json

import numpy as np

from tests.optimize.building import conv, data, layer, net_of
from tests.report.rendering import rows
from xdn.graph import Bf16, Layer, Quantized, WeightsOnly
from xdn.graph.summary import summarize
from xdn.graph.unknown import UnknownParams
from xdn.optimize.fuse.activation import FuseActivation
from xdn.report.net import joining_line, net_document, net_table


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


def strange(name, bottom, kind):
    return Layer(name, UnknownParams(kind), (bottom,), (name,))


def test_unknown_types_are_marked_and_counted():
    net = net_of(
        data(1, 3, 32, 32),
        strange("a", "data", "Warp"),
        layer("ReLU", "r", ["a"]),
        strange("b", "r", "[Weft]"),
        strange("c", "r", "Warp"),
        weights=False,
    )
    _, _, _, first, *layers, total = rows(net_table(summarize(net)))
    assert first == ["data", "Input", "1x3x32x32", "12 KiB"]
    assert layers[0] == ["a", "Warp (unknown)", *["?"] * 5]
    assert layers[1] == ["r", "ReLU", *["?"] * 5]
    assert layers[2] == ["b", "[Weft] (unknown)", *["?"] * 5]
    words = "3 layers of 2 types that XDN lacks: Warp (2), [Weft] (1)"
    assert total == ["5 layers", words, "0 + ?", "0 + ?", "0 B + ?", "12 KiB + ?"]


def test_one_unknown_layer():
    net = net_of(data(1, 3, 32, 32), strange("a", "data", "Warp"), weights=False)
    assert rows(net_table(summarize(net)))[-1][1] == "1 layer of 1 type that XDN lacks: Warp (1)"


def test_of_many_unknown_types_some_are_named():
    net = net_of(data(1, 3, 32, 32), *(strange(f"x{i}", "data", f"T{i}") for i in range(9)), weights=False)
    assert rows(net_table(summarize(net)))[-1][1].endswith("T6 (1), T7 (1), ...")


def test_layers_that_join_images_are_named_in_a_warning():
    assert joining_line(()) is None
    assert joining_line(["bn1"]).startswith("the layer 'bn1' looks at all images of a batch together")
    assert joining_line(["bn1", "bn2"]).startswith("2 layers look at all images")
    assert joining_line(["bn1", "bn2"]).endswith(": bn1, bn2")
    assert len(joining_line([f"bn{i}" for i in range(500)])) < 300


def test_a_column_says_how_layers_read_their_bottoms():
    net = small()
    net = net.replace(layers=(*net.layers, layer("Flatten", "flat", ["r"])))
    read = {"c[red]": (Quantized(0.02134),), "r": (Quantized(0.5, signed=True, bits=4),)}
    quantized = [each.replace(quantized=read.get(each.name, ())) for each in net.layers]
    _, header, _, _, *layers, total = rows(net_table(summarize(net.replace(layers=tuple(quantized)))))
    assert (header[-1], total[-1]) == ("reads", "2 in 8 bits")
    assert [each[-1] for each in layers] == ["u8 0.02134", "s4 0.5", "56.2 KiB"]
    in_part = [each.replace(quantized=read.get(each.name, ())) if each.name != "r" else each for each in net.layers]
    assert rows(net_table(summarize(net.replace(layers=tuple(in_part)))))[5][-1] == "f32"
    mixed = [each.replace(quantized=(Bf16(),)) if each.name == "r" else each for each in quantized]
    _, header, _, _, *layers, total = rows(net_table(summarize(net.replace(layers=tuple(mixed)))))
    assert (header[-1], total[-1]) == ("reads", "1 in 8 bits, 1 in bf16")
    assert [each[-1] for each in layers] == ["u8 0.02134", "bf16", "56.2 KiB"]
    weights = [each.replace(quantized=(WeightsOnly(1),)) if each.name == "c[red]" else each for each in net.layers]
    _, header, _, _, *layers, total = rows(net_table(summarize(net.replace(layers=tuple(weights)))))
    assert total[-1] == "1 in f32, weights of few bits"
    assert layers[0][-1] == "f32, weights of 1 bit"
    document = json.loads(json.dumps(net_document(summarize(net.replace(layers=tuple(mixed))))))
    assert [row["quantized"] for row in document["layers"]] == [
        [],
        [{"element": "u8", "scale": float(np.float32(0.02134)), "signed": False, "bits": 8, "weight_bits": 8}],
        [{"element": "bf16"}],
        [],
    ]


def test_blocks_of_codebooks_have_a_column():
    net = small()
    marked = net.replace(layers=tuple(x.replace(block=9) if x.name == "c[red]" else x for x in net.layers))
    _, header, _, *layers, total = rows(net_table(summarize(marked)))
    assert (header[-1], layers[1][-1], total[-1]) == ("codebook", "blocks of 9", "1 layer")
    assert [each["block"] for each in net_document(summarize(marked))["layers"]] == [0, 9, 0]
