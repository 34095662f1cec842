"""When affine layers go into the convolution before them, when not, and that the numbers hold."""

from itertools import permutations

import numpy as np
import pytest

from tests.optimize.building import assert_same_outputs, assert_settled, conv, data, layer, names, net_of
from tests.positions import NAMES, SIZES, spread
from xdn.frontend import load
from xdn.graph import Quantized, WeightsOnly
from xdn.graph.reading import SCALES
from xdn.layers.integer import has_integer_weights, with_integer_weights
from xdn.optimize.fuse.activation import FuseActivation
from xdn.optimize.fuse.affine import channel_affine
from xdn.optimize.fuse.batch_norm import FuseBatchNorm

SHAPE = (2, 4, 5, 5)
AFFINE = {
    "BatchNorm": {},
    "Scale": {"bias_term": True},
    "Bias": {},
    "Power": {"scale": 1.5, "shift": 0.25},
}


def affine_chain(bottom, types, **params):
    """Return one layer of each type after `bottom`, called by type and place."""
    layers = []
    for i, each in enumerate(types):
        layers.append(layer(each, f"{each}{i}", [bottom], **(AFFINE[each] | params)))
        bottom = layers[-1].name
    return layers


def fuse(net):
    """Run the stage; check numbers, that the net given stays, and that a second run changes nothing."""
    digest = net.digest
    done = FuseBatchNorm().apply(net)
    assert net.digest == digest
    assert_same_outputs(net, done.net)
    assert_settled(FuseBatchNorm, done.net)
    return done


SUBSETS = [order for n in (1, 2) for order in permutations(AFFINE, n)]


@pytest.mark.parametrize("types", SUBSETS, ids="-".join)
@pytest.mark.parametrize("bias_term", [False, True])
def test_convolution_takes_in_any_subset_in_any_order(types, bias_term):
    params = {"group": 2} if bias_term else {"dilation": (1,)}
    net = net_of(data(*SHAPE), conv("c", "data", 6, 3, bias_term=bias_term, **params), *affine_chain("c", types))
    done = fuse(net)
    assert names(done.net) == ["c"]
    fused = done.net.layer("c")
    assert fused.tops == net.layers[-1].tops
    assert fused.params.bias_term
    assert fused.weights["weight"].dtype == fused.weights["bias"].dtype == np.float32
    assert len(done.changes) == 1
    assert not done.refusals


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("bias_term", [False, True])
def test_inner_product(transpose, bias_term):
    product = layer("InnerProduct", "ip", ["data"], num_output=7, transpose=transpose, bias_term=bias_term)
    net = net_of(data(*SHAPE), product, *affine_chain("ip", ["BatchNorm", "Scale"]))
    assert names(fuse(net).net) == ["ip"]


def test_depthwise_convolution():
    net = net_of(data(*SHAPE), conv("c", "data", 4, 3, group=4), *affine_chain("c", ["BatchNorm"]))
    assert names(fuse(net).net) == ["c"]


@pytest.mark.parametrize("name", ["net", "line", "sq"])
def test_the_case_of_deconvolutions_over_volumes_and_lines(material, name):
    folder = material("cases", "01_deconv3d_bn")
    given = {"weights": folder / "net.caffemodel"} if name == "net" else {"random_weights": True}
    net = load(folder / f"{name}.prototxt", **given)
    assert names(fuse(net).net) == ["up", "up_relu"]
    if name == "net":
        inputs, expected = (dict(np.load(folder / f"{each}.npz")) for each in ("inputs", "expected"))
        found = fuse(net).net.reshape({key: array.shape for key, array in inputs.items()}).forward(inputs)
        for key, array in expected.items():
            np.testing.assert_allclose(found[key], array, rtol=0, atol=1e-5 * np.abs(array).max())


def test_algebra_in_float64():
    net = net_of(data(*SHAPE), conv("c", "data", 6, 3), *affine_chain("c", ["BatchNorm", "Scale"]))
    w, b = (net.layer("c").weights[name].astype(np.float64) for name in ("weight", "bias"))
    mean, variance, total = (
        net.layer("BatchNorm0").weights[name].astype(np.float64) for name in ("mean", "variance", "scale_factor")
    )
    gamma, beta = (net.layer("Scale1").weights[name].astype(np.float64) for name in ("scale", "bias"))
    factor = gamma / np.sqrt(variance / total + 1e-5)
    fused = fuse(net).net.layer("c").weights
    np.testing.assert_array_equal(fused["weight"], (w * factor[:, None, None, None]).astype(np.float32))
    np.testing.assert_allclose(fused["bias"], factor * (b - mean / total) + beta, rtol=1e-6)


def test_declared_output_keeps_its_name():
    net = net_of(data(*SHAPE), conv("c", "data", 6), *affine_chain("c", ["BatchNorm"]), outputs=["BatchNorm0"])
    assert fuse(net).net.outputs == ("BatchNorm0",)


def refused(net, kept, reason):
    done = fuse(net)
    assert names(done.net) == kept
    assert len(done.refusals) == 1
    assert reason in done.refusals[0].text
    return done


def test_not_with_shared_weights():
    net = net_of(
        data(*SHAPE),
        conv("a", "data", 4, shared=["w", "b"]),
        conv("b", "a", 4, shared=["w", "b"]),
        *affine_chain("b", ["BatchNorm"]),
    )
    refused(net, ["a", "b", "BatchNorm0"], "'b' shares its weights with 'a'")


def test_a_name_that_no_other_layer_uses_is_not_shared():
    net = net_of(data(*SHAPE), conv("a", "data", 4, shared=["w", ""]), *affine_chain("a", ["BatchNorm"]))
    assert names(fuse(net).net) == ["a"]


def test_not_with_two_consumers():
    net = net_of(data(*SHAPE), conv("c", "data", 4), *affine_chain("c", ["Scale"]), layer("ReLU", "relu", ["c"]))
    refused(net, ["c", "Scale0", "relu"], "read 2 times, by 'Scale0', 'relu'")


def test_not_where_the_intermediate_is_an_output():
    net = net_of(data(*SHAPE), conv("c", "data", 4), *affine_chain("c", ["Scale"]), outputs=["c", "Scale0"])
    refused(net, ["c", "Scale0"], "'c' is an output of the net")


def test_not_with_the_statistics_of_the_batch():
    net = net_of(data(*SHAPE), conv("c", "data", 4), *affine_chain("c", ["BatchNorm"], use_global_stats=False))
    refused(net, ["c", "BatchNorm0"], "use_global_stats: false")


def test_not_along_another_axis():
    net = net_of(data(*SHAPE), conv("c", "data", 4), *affine_chain("c", ["Scale"], axis=2))
    refused(net, ["c", "Scale0"], "not one value a channel")


def test_not_with_an_operand_that_is_a_blob():
    net = net_of(
        data(*SHAPE), data(2, 4, name="factors"), conv("c", "data", 4), layer("Scale", "s", ["c", "factors"], axis=0)
    )
    refused(net, ["c", "s"], "known only when the net runs")


def test_not_where_the_outputs_are_another_axis():
    product = layer("InnerProduct", "ip", ["data"], num_output=7, axis=2)
    net = net_of(data(2, 3, 4), product, layer("BatchNorm", "bn", ["ip"]))
    refused(net, ["ip", "bn"], "its channels are not axis 2")


@pytest.mark.parametrize("transpose", [False, True])
def test_inner_product_along_a_later_axis(transpose):
    """All steps of a sequence: of as many as outputs the axis tells which is meant."""
    product = layer("InnerProduct", "ip", ["data"], num_output=3, axis=-1, transpose=transpose)
    after = [layer("Bias", "b", ["ip"], axis=2), layer("Power", "p", ["b"], scale=2.0)]
    net = net_of(data(2, 3, 4), product, *after, layer("Scale", "s", ["p"], axis=1))
    assert names(fuse(net).net) == ["ip", "s"]


def test_takes_in_what_stands_before_a_refusal():
    net = net_of(
        data(*SHAPE),
        conv("c", "data", 4),
        *affine_chain("c", ["BatchNorm", "Scale"]),
        layer("ReLU", "relu", ["BatchNorm0"]),
    )
    refused(net, ["c", "Scale1", "relu"], "read 2 times")


def test_not_after_a_fused_activation():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("ReLU", "relu", ["c"]), layer("Scale", "scale", ["relu"]))
    refused(FuseActivation().apply(net).net, ["c", "scale"], "ends in a fused activation")


def test_not_without_weights():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("Scale", "scale", ["c"]), weights=False)
    done = FuseBatchNorm().apply(net)
    assert done.net is net
    assert "weights were not read" in done.refusals[0].text


def test_not_where_the_result_overflows():
    huge = np.full(4, 3e38, np.float32)
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("Scale", "scale", ["c"], weights={"scale": huge * -1}))
    weights = {"weight": np.full((4, 4, 1, 1), 1e3, np.float32), "bias": np.zeros(4, np.float32)}
    net = net.replace(layers=tuple(x.replace(weights=weights) if x.name == "c" else x for x in net.layers))
    done = FuseBatchNorm().apply(net)
    assert done.net is net
    assert "not finite" in done.refusals[0].text


@pytest.mark.parametrize("sizes", list(SIZES.values()), ids=list(NAMES.values()))
@pytest.mark.parametrize(("outputs", "group"), [(3, 1), (1, 1), (4, 1), (6, 2), (4, 4), (8, 4)], ids=str)
@pytest.mark.parametrize("bias_term", [False, True])
def test_deconvolution(sizes, outputs, group, bias_term):
    """Its outputs lie along axis 1 of the weight, those of each group for the inputs of that group."""
    up = spread("up", "data", outputs, 4, pad=1, group=group, bias_term=bias_term)
    net = net_of(data(2, 4, *sizes), up, *affine_chain("up", ["BatchNorm", "Scale"]))
    fused = fuse(net).net
    assert names(fused) == ["up"]
    assert fused.layer("up").params.bias_term
    factor = channel_affine(net, net.layer("BatchNorm0")).then(channel_affine(net, net.layer("Scale1"))).factor
    before, after = (each.layer("up").weights["weight"].astype(np.float64) for each in (net, fused))
    for c, k in np.ndindex(before.shape[:2]):
        output = c // (4 // group) * (outputs // group) + k
        np.testing.assert_array_equal(after[c, k], (before[c, k] * factor[output]).astype(np.float32))


def test_weights_that_are_read_as_integers_stay_as_they_are():
    net = net_of(data(*SHAPE), conv("c", "data", 4), *affine_chain("c", ["BatchNorm"]))
    made = [each.replace(quantized=(Quantized(0.1),)) if each.name == "c" else each for each in net.layers]
    done = fuse(net.replace(layers=tuple(made)))
    assert "'c' computes with 8-bit integers; fuse first" in done.refusals[0].text


def scaled_integers(filters, bits, factors, weight=None):
    """Return a net of filters that are integers alone, and a Scale with these factors."""
    net = net_of(data(*SHAPE), filters, layer("Scale", "s", ["c"], bias_term=True))
    c, s = net.layers[1:]
    c = c.replace(
        quantized=(WeightsOnly(bits),), weights=c.weights if weight is None else c.weights | {"weight": weight}
    )
    s = s.replace(weights=s.weights | {"scale": np.array(factors, np.float32)})
    return net.replace(layers=(net.layers[0], with_integer_weights(c), s))


@pytest.mark.parametrize("filters", [conv("c", "data", 4, 3), layer("InnerProduct", "c", ["data"], num_output=4)])
@pytest.mark.parametrize("bits", [1, 8])
def test_integers_of_weights_alone_keep_their_magnitudes(bits, filters):
    """Scales of filters are multiplied; a negative factor turns the signs, which these bits have both of."""
    net = scaled_integers(filters, bits, [1.5, -0.3, 1e-3, -20])
    done = fuse(net)
    assert names(done.net) == ["c"]
    after = done.net.layer("c")
    assert has_integer_weights(after)
    first, then = (
        each.weights["weight"].reshape(4, -1) / each.weights[SCALES][:, None] for each in (net.layer("c"), after)
    )
    np.testing.assert_array_equal(np.rint(first) * [[1], [-1], [1], [-1]], np.rint(then))


@pytest.mark.parametrize("factor", [0.0, -1.0])
def test_not_where_integers_of_weights_would_be_others(factor):
    """Those of two bits are -2 to 1: filters without -2, which would become 2, may change their signs."""
    weight = np.ones((4, 4, 3, 3), np.float32)
    weight[1, 0] = -9
    done = fuse(scaled_integers(conv("c", "data", 4, 3), 2, [-0.5, factor, 1, 1], weight))
    assert "its factors do not leave the weights of 'c' what they are" in done.refusals[0].text
    assert names(fuse(scaled_integers(conv("c", "data", 4, 3), 2, [-0.5, 2, 1, 1], weight)).net) == ["c"]


def test_not_where_the_scale_of_integers_would_be_none():
    """It would be 1.2e38; the weights, up to twice that, are finite, but the sums of outputs are not."""
    weight = np.ones((4, 4, 3, 3), np.float32)
    weight[1, 0] = -9
    done = FuseBatchNorm().apply(scaled_integers(conv("c", "data", 4, 3), 2, [1, 2e37, 1, 1], weight))
    assert "its factors do not leave the weights of 'c' what they are" in done.refusals[0].text


def test_eps_that_is_added_to_the_deviation():
    normal = layer("BatchNorm", "n", ["c"], eps=0.1, add_eps_before_sqrt=False)
    assert names(fuse(net_of(data(*SHAPE), conv("c", "data", 6, 3), normal)).net) == ["c"]
