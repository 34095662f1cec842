"""Which layers read bf16 on request, and what a net computes then."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.nets import quantized_nets
from tests.optimize.test_random_nets import nets
from xdn.api import pixel_transform
from xdn.data.glyphs import Glyphs10
from xdn.element import BF16, REAL
from xdn.frontend import load
from xdn.graph import Bf16, Quantized
from xdn.graph.reading import why_no_bf16
from xdn.graph.verify import verify
from xdn.optimize.check import in_f32
from xdn.optimize.pipeline import apply_stages
from xdn.optimize.quantize.bf16 import ReadBf16
from xdn.optimize.stage import PLAIN, POST_FUSION, READING, STAGES, stage_names

HALF = Bf16()


def mixed():
    """Return a net with a layer of every kind: products, averages, sums, functions, moves, and what has no form."""
    return net_of(
        data(2, 3, 8, 8),
        conv("conv", "data", 4),
        layer("MVN", "mvn", ["conv"]),
        layer("ReLU", "relu", ["mvn"]),
        conv("conv2", "relu", 4),
        layer("Sigmoid", "sigmoid", ["conv2"]),
        layer("Eltwise", "product", ["sigmoid", "conv2"], operation="PROD"),
        layer("Pooling", "max", ["product"], kernel_size=2, stride=2),
        layer("Concat", "concat", ["max", "max"]),
        layer("Pooling", "mean", ["concat"], pool="AVE", global_pooling=True),
        layer("InnerProduct", "fc", ["mean"], num_output=3),
        layer("Softmax", "prob", ["fc"]),
    )


def test_products_read_bf16_and_what_finds_it_there():
    net = mixed()
    rewrite = ReadBf16().apply(net)
    verify(rewrite.net)
    marked = [each.name for each in rewrite.net.layers if each.quantized]
    assert marked == ["conv", "conv2", "sigmoid", "product", "mean", "fc"]
    assert rewrite.net.layer("product").quantized == (HALF, HALF)
    assert [str(note) for note in rewrite.changes] == [f"{name}: reads bf16" for name in marked]
    assert [str(note) for note in rewrite.refusals] == [
        "mvn: does not read bf16: MVN has no bf16 form",
        "prob: does not read bf16: Softmax has no bf16 form",
        "relu: does not read bf16: not all of its bottoms are in bf16 anyway",
    ]


def test_layers_that_say_how_they_read_stay():
    net = mixed()
    said = {"conv2": (Quantized(0.1),), "fc": (HALF,)}
    net = net.replace(layers=tuple(each.replace(quantized=said.get(each.name, ())) for each in net.layers))
    rewrite = ReadBf16().apply(net)
    verify(rewrite.net)
    assert rewrite.net.layer("conv2").quantized == said["conv2"]
    assert {str(note) for note in rewrite.refusals} >= {
        "conv2: does not read bf16: it reads 8-bit integers",
        "fc: does not read bf16: it reads bf16 already",
    }


def test_what_is_there_already_changes_nothing():
    net = ReadBf16().apply(mixed()).net
    again = ReadBf16().apply(net)
    assert again.net is net
    assert not again.changes
    plain = net_of(data(2, 3), layer("Softmax", "prob", ["data"]))
    assert ReadBf16().apply(plain).net is plain


def test_it_runs_on_request_after_fusions_and_before_storage():
    assert stage_names(READING) == ("read-bf16",)
    assert "read-bf16" not in stage_names(POST_FUSION)
    assert stage_names(POST_FUSION, READING)[-2:] == ("read-bf16", "quantized-storage")
    assert STAGES["read-bf16"].in_files


def test_sums_are_fused_before_they_would_be_rounded():
    net = net_of(
        data(2, 4, 6, 6),
        conv("a", "data", 4, 3, pad=1),
        conv("b", "a", 4, 3, pad=1),
        layer("Eltwise", "sum", ["b", "a"]),
        layer("ReLU", "relu", ["sum"]),
        layer("InnerProduct", "fc", ["relu"], num_output=3),
    )
    made = apply_stages(net, stage_names(POST_FUSION, READING))
    assert [each.type for each in made.layers] == ["Input", "Quantize", "Convolution", "Convolution", "InnerProduct"]
    assert [made.blobs[each.tops[0]].element for each in made.layers] == [REAL, BF16, BF16, BF16, REAL]
    fused = next(each for each in made.layers if each.epilogue)
    assert fused.epilogue.parts == ("sum", "ReLU")
    assert fused.quantized == (HALF, HALF)


@seed(20190625)
@settings(max_examples=60, deadline=None, database=None)
@given(st.data())
def test_any_net_is_near_what_it_was(drawn):
    """Whatever is marked can be; without the marks the net is what it was."""
    net = apply_stages(drawn.draw(nets()), stage_names(POST_FUSION)[:-1])
    net = drawn.draw(quantized_nets(net)) if drawn.draw(st.booleans()) else net
    made = ReadBf16().apply(net).net
    verify(made)
    for before, after in zip(net.layers, made.layers, strict=True):
        assert after.quantized == before.quantized or (
            not before.quantized
            and after.quantized == (HALF,) * len(before.bottoms)
            and why_no_bf16(before, [net.blobs[name] for name in before.bottoms]) is None
        )
    assert in_f32(made).digest == in_f32(net).digest


@pytest.fixture(scope="module")
def trained():
    """Return a net that ships, 50 test images as it reads them, and their labels."""
    folder = Path(__file__).resolve().parents[3] / "prototxt" / "resnet20_glyphs10"
    net = load(folder / "resnet20.prototxt", folder / "resnet20.caffemodel")
    data = Glyphs10("test")
    images = pixel_transform(net, data.shape).apply(data.images(0, 50))
    return apply_stages(net, stage_names(PLAIN)).with_batch(50), images, data.labels[:50]


def test_a_trained_net_gives_the_labels_that_it_gives_in_f32(trained):
    net, images, labels = trained
    made = apply_stages(net, stage_names(POST_FUSION, READING))
    scores = [each.forward({"data": images})["prob"].reshape(50, -1) for each in (net, made)]
    in_f32, in_bf16 = (each.argmax(axis=1) for each in scores)
    assert all(each.reads_bf16 for each in made.layers if each.weights)
    assert np.array_equal(in_f32, in_bf16)
    assert (in_bf16 == labels).mean() > 0.9
    # One rounding is 2^-8; that of each layer moves what the next ones read.
    assert 2.0**-10 < np.abs(scores[0] - scores[1]).max() < 2.0**-4


def test_layers_of_a_trained_net_err_within_the_bound(trained):
    """|y - sum x w - b| <= (2 u + u^2 + g) sum |x w| + g |b|, u = 2^-8 and g = (n + 1) 2^-24 for sums of n products."""
    net, images, _ = trained
    blobs = net.with_batch(4).forward({"data": images[:4]})
    u = 2.0**-8
    for each in net.layers:
        if each.type not in ("Convolution", "InnerProduct"):
            continue
        bottoms = [blobs[name] for name in each.bottoms]
        (found,) = each.replace(quantized=(HALF,)).forward(bottoms)
        (exact,), (magnitude,) = (
            each.params.reference(
                [change(x.astype(np.float64)) for x in bottoms],
                {name: change(array.astype(np.float64)) for name, array in each.weights.items()},
                1,
            )
            for change in (np.positive, np.abs)
        )
        products = each.params.products([net.blobs[name] for name in each.bottoms])
        allowed = 2 * u + u * u + (products + 1) * 2.0**-24 * (1 + u) ** 2
        assert (np.abs(found - exact) <= allowed * magnitude).all(), each.place
        assert np.abs(found - exact).max() > u / 16 * np.abs(exact).max()


def test_bf16_errs_by_its_last_bit(rng):
    net = apply_stages(mixed(), stage_names(POST_FUSION))
    made = ReadBf16().apply(net).net
    x = rng.standard_normal((2, 3, 8, 8)).astype(np.float32)
    before, after = net.forward({"data": x}), made.forward({"data": x})
    assert 0 < np.abs(after["prob"] - before["prob"]).max() < 2.0**-7
    assert not np.array_equal(before["conv"], after["conv"])
