"""When a convolution computes the projection shortcut that it adds."""

import numpy as np
import pytest

from tests.optimize.building import assert_same_outputs, assert_settled, conv, data, layer, names, net_of
from xdn.frontend import load
from xdn.graph import Epilogue, Quantized
from xdn.graph.cost import net_cost
from xdn.graph.verify import verify
from xdn.layers.convolution import Convolution
from xdn.layers.integer import with_integer_weights
from xdn.layers.relu import ReLU
from xdn.optimize.check import seeded_batch
from xdn.optimize.fuse.activation import FuseActivation
from xdn.optimize.fuse.projection import FuseProjection
from xdn.optimize.fuse.residual import FuseResidual
from xdn.optimize.pipeline import apply_stages, optimize
from xdn.optimize.stage import POST_FUSION, stage_names

SHAPE = (2, 4, 6, 6)


def summed(net):
    """Return the net after the stages that come before."""
    return FuseActivation().apply(FuseResidual().apply(net).net).net


def fuse(net):
    before = summed(net)
    done = FuseProjection().apply(before)
    verify(done.net)
    assert_same_outputs(net, done.net)
    assert_settled(FuseProjection, done.net)
    cost, known = net_cost(done.net), net_cost(before)
    assert (cost.macs, cost.parameters) == (known.macs, known.parameters)
    return done


def block(*between, shortcut=None, main=None, last="relu", **kwargs):
    """Return data -> two convolutions -> sum -> ReLU; `between` stands before the sum."""
    shortcut = shortcut or conv("shortcut", "data", 8, stride=2)
    main = main or conv("main", "data", 8, stride=2)
    return net_of(
        data(*SHAPE),
        shortcut,
        *between,
        main,
        layer("Eltwise", "sum", ["shortcut", "main"]),
        layer("ReLU", last, ["sum"]),
        **kwargs,
    )


@pytest.mark.parametrize("bias", [(True, True), (True, False), (False, True), (False, False)])
def test_projection_shortcut(bias):
    net = block(
        shortcut=conv("shortcut", "data", 8, stride=2, bias_term=bias[0]),
        main=conv("main", "data", 8, stride=2, bias_term=bias[1]),
    )
    done = fuse(net)
    assert names(done.net) == ["main"]
    fused = done.net.layer("main")
    assert fused.bottoms == ("data", "data")
    assert fused.tops == ("relu",)
    assert fused.epilogue == Epilogue(activation=ReLU(), projection=net.layer("shortcut").params)
    for name in net.layer("shortcut").weights:
        np.testing.assert_array_equal(fused.weights[f"projection.{name}"], net.layer("shortcut").weights[name])
    assert [note.layer for note in done.changes] == ["shortcut"]
    assert "computed by 'main' (Convolution)" in done.changes[0].text


def test_without_an_activation():
    net = net_of(
        data(*SHAPE),
        conv("a", "data", 4, 5, stride=2),
        conv("shortcut", "data", 8, stride=6),
        conv("main", "a", 8),
        layer("Eltwise", "sum", ["main", "shortcut"]),
    )
    done = fuse(net)
    assert names(done.net) == ["a", "main"]
    assert done.net.layer("main").bottoms == ("a", "data")
    assert done.net.layer("main").epilogue == Epilogue(
        projection=Convolution(num_output=8, kernel_size=(1,), stride=(6,))
    )


def test_a_block_with_a_projection_then_one_without():
    net = block()
    layers = [*net.layers, conv("next", "relu", 8), layer("Eltwise", "again", ["relu", "next"])]
    done = fuse(net_of(*layers))
    assert names(done.net) == ["main", "next"]
    assert [note.layer for note in done.refusals] == ["next"]
    assert "'main' (Convolution) ends in a fused activation or sum" in done.refusals[0].text


def test_weights_of_a_slope_and_a_projection_keep_their_order_whichever_is_fused_first():
    net = net_of(
        data(*SHAPE),
        conv("shortcut", "data", 8),
        conv("main", "data", 8),
        layer("Eltwise", "sum", ["shortcut", "main"]),
        layer("PReLU", "prelu", ["sum"]),
    )
    stages = ["fuse-residual", "fuse-projection", "fuse-activation"]
    for order in (stages, list(stage_names(POST_FUSION))):
        fused = apply_stages(net, order)
        assert names(fused) == ["main"]
        assert list(fused.layer("main").weights) == list(fused.weight_shapes(fused.layer("main")))
        assert_same_outputs(net, fused)


def refused(net, reason):
    done = fuse(net)
    assert not done.changes
    assert len(done.refusals) == 1
    assert reason in done.refusals[0].text
    assert "keeps its residual" in done.refusals[0].text


def test_not_an_identity_shortcut():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("Eltwise", "sum", ["data", "c"]))
    refused(net, "'data' (Input) is not a Convolution")


def test_not_where_the_projection_ends_in_an_activation():
    net = net_of(
        data(*SHAPE),
        conv("shortcut", "data", 8),
        layer("ReLU", "relu", ["shortcut"]),
        conv("main", "data", 8),
        layer("Eltwise", "sum", ["relu", "main"]),
    )
    refused(net, "'shortcut' (Convolution) ends in a fused activation or sum")


def test_not_into_a_larger_window():
    refused(block(main=conv("main", "data", 8, 3, pad=1, stride=2)), "'main' (Convolution) is not a 1x1 convolution")


def test_not_a_larger_window():
    """A block of two 3x3 convolutions whose shortcut stands last, as in ResNet-20: it is what takes the sum."""
    net = block(shortcut=conv("shortcut", "data", 8, 3, pad=1, stride=2))
    refused(net, "'shortcut' (Convolution) is not a 1x1 convolution")


@pytest.mark.parametrize("name", ["shortcut", "main"])
def test_not_with_groups(name):
    net = block(**{name: conv(name, "data", 8, stride=2, group=4)})
    refused(net, f"{name!r} (Convolution) has 4 groups")


def test_not_where_something_else_reads_the_projection():
    refused(block(layer("TanH", "tanh", ["shortcut"])), "'shortcut' is read 2 times")


def test_not_where_the_projection_is_an_output():
    refused(block(outputs=["shortcut", "relu"]), "'shortcut' is an output")


@pytest.mark.parametrize("name", ["shortcut", "main"])
def test_not_with_weights_that_are_shared_by_name(name):
    net = block(**{name: conv(name, "data", 8, stride=2, shared=["w", ""])})
    refused(net, f"the weights of {name!r} (Convolution) are shared by name")


def test_not_without_weights():
    done = FuseProjection().apply(summed(block(weights=False)))
    assert not done.changes
    assert "the weights of 'main' (Convolution) were not read" in done.refusals[0].text


def test_the_pipeline_checks_it():
    result = optimize(block(), stage_names(POST_FUSION))
    assert {report.stage: len(report.changes) for report in result.reports if report.changes} == {
        "fuse-residual": 1,
        "fuse-activation": 1,
        "fuse-projection": 1,
    }
    assert result.difference < 1e-6


def test_the_four_projections_of_resnet50(material):
    net = load(material("models", "resnet50", "train_val.prototxt"), random_weights=True)
    result = apply_stages(net, stage_names())
    *before, last = stage_names(POST_FUSION)
    whole = apply_stages(result, before)
    fused = apply_stages(whole, [last])
    merged = [each.name for each in fused.layers if each.projection is not None]
    assert merged == [f"res{stage}a_branch2c" for stage in (2, 3, 4, 5)]
    assert net_cost(fused).macs == net_cost(whole).macs
    assert_same_outputs(result, fused)


@pytest.mark.parametrize(
    ("readers", "reason"),
    [
        (("main", "shortcut"), None),
        (("main",), "'main' (Convolution) reads 8-bit integers, 'shortcut' (Convolution) f32"),
        (("shortcut",), "'shortcut' (Convolution) reads 8-bit integers, 'main' (Convolution) f32"),
    ],
)
def test_both_read_8_bit_integers_or_none_does(readers, reason):
    read = {"main": Quantized(0.1), "shortcut": Quantized(0.2, signed=True)}
    net = block()
    made = [each.replace(quantized=(read[each.name],)) if each.name in readers else each for each in net.layers]
    net = net.replace(layers=tuple(with_integer_weights(each) for each in made))
    done = fuse(net)
    if reason is None:
        assert done.net.layer("main").quantized == (read["main"], read["shortcut"])
        assert {"weight_scale", "projection.weight_scale"} < set(done.net.layer("main").weights)
        values = seeded_batch(net)
        assert np.array_equal(net.forward(values)["relu"], done.net.forward(values)["relu"])
    else:
        assert reason in done.refusals[0].text


def test_a_residual_that_is_read_as_8_bit_integers_stays():
    net = summed(block())
    made = [each.replace(quantized=(Quantized(0.1),) * 2) if each.name == "main" else each for each in net.layers]
    done = FuseProjection().apply(net.replace(layers=tuple(made)))
    assert "'main' (Convolution) reads it as 8-bit integers" in done.refusals[0].text
