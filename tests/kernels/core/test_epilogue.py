"""Fused sums and activations: the bits of the layers that they replace, and the table of activations."""

import numpy as np
import pytest

from tests.kernels.checks import check_net, feed_for, input_layer, make_params, one_layer_net, random_weights
from xdn.codegen.names import KernelName
from xdn.codegen.native import address
from xdn.codegen.target import host_target
from xdn.graph import Epilogue, Layer, Net
from xdn.kernels.core.epilogue import ACTIVATIONS, Fused, coefficients, epilogue_parts, fused_reads, fused_words
from xdn.kernels.core.family import Lowering, Reach
from xdn.kernels.core.layout import BATCH, BOTH
from xdn.layers import LAYERS
from xdn.layers.elu import ELU
from xdn.layers.hsigmoid import HSigmoid
from xdn.layers.hswish import HSwish
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.relu6 import ReLU6
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.swish import Swish
from xdn.layers.tanh import TanH
from xdn.runtime.session import Session

CAFFE_ACTIVATIONS = (
    *(ReLU(), ReLU(negative_slope=0.1), PReLU(), PReLU(channel_shared=True)),
    *(ELU(), ELU(alpha=0.7), Sigmoid(), TanH()),
)
LATER_ACTIVATIONS = (ReLU6(), HSwish(), HSigmoid(), Swish(beta=1.5))
LAYERS_BEFORE = {
    "contraction": ("Convolution", {"num_output": 31, "kernel_size": 3, "pad": 1}),
    "grouped": ("Convolution", {"num_output": 30, "kernel_size": 3, "pad": 1, "group": 2}),
    "depthwise": ("Convolution", {"num_output": 10, "kernel_size": 3, "pad": 1, "group": 10}),
    "deconvolution": ("Deconvolution", {"num_output": 31, "kernel_size": 4, "stride": 2, "pad": 1}),
    "inner product": ("InnerProduct", {"num_output": 17}),
}
# Not every pair, since each one is compiled.
LAYERS_AND_ACTIVATIONS = [
    *((before, params) for before in LAYERS_BEFORE if before != "deconvolution" for params in CAFFE_ACTIVATIONS),
    *(("contraction", params) for params in LATER_ACTIVATIONS),
    *(("deconvolution", params) for params in (ReLU(), PReLU())),
]

_PROJECTION = make_params("Convolution", num_output=3, kernel_size=1)


def test_the_table_has_every_fusable_activation_and_names_spell_it():
    assert set(ACTIVATIONS) == {cls.type for _, cls in LAYERS.items() if cls.fusable}
    for activation in ACTIVATIONS.values():
        for added in ("sum", "projection"):
            name = KernelName("contract", "avx2", (added, activation.part), (5, 2))
            assert KernelName.parse(str(name)) == name


def _pair(before, params, residual):
    """Return the same net twice: layer, sum and activation apart, and as one layer."""
    type_name, given = LAYERS_BEFORE[before]
    head = Layer("head", make_params(type_name, **given), ("x",), ("h",))
    net = random_weights(Net("n", (input_layer("x", 10, 4, 3), head)), np.random.default_rng(3))
    head = net.layer("head")
    inputs = [net.layers[0]]
    between = ()
    if residual:
        inputs.append(input_layer("r", *net.blobs["h"].shape[1:]))
        between = (Layer("sum", make_params("Eltwise"), ("h", "r"), ("s",)),)
    last = Layer("last", params, ("s",) if residual else ("h",), ("y",))
    apart = random_weights(Net("apart", (*inputs, head, *between, last), ("y",)), np.random.default_rng(4))
    fused = head.replace(
        bottoms=("x", "r") if residual else ("x",),
        tops=("y",),
        weights={**head.weights, **apart.layer("last").weights},
        epilogue=Epilogue(residual, params),
    )
    return apart, Net("fused", (*inputs, fused), ("y",))


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize(("before", "params"), LAYERS_AND_ACTIVATIONS, ids=str)
def test_fusing_changes_no_bit(before, params, residual):
    apart, fused = _pair(before, params, residual)
    feed = feed_for(apart)
    feed["x"][1] *= 100
    feed["x"][0, 0, 0, 0], feed["x"][2, 3, 1, 1], feed["x"][3, 1, 2, 2] = np.nan, np.inf, -np.inf
    (expected,) = Session(apart).run(None, feed)
    (result,) = Session(fused).run(None, feed)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(result[known].view(np.int32), expected[known].view(np.int32))


@pytest.mark.parametrize("params", [*CAFFE_ACTIVATIONS, *LATER_ACTIVATIONS], ids=repr)
def test_the_reference_agrees(params):
    _, fused = _pair("contraction", params, residual=True)
    # 90 products of size 1, then an activation whose slope is below 4: far below this bound, far above its roundings.
    check_net(fused, lambda net, feed, expected: np.full_like(expected, 1e-4))


@pytest.mark.parametrize(
    ("epilogue", "parts", "expected"),
    [
        (None, (), [0, 0, 0]),
        (Epilogue(residual=True), ("sum",), [0, 0, 0]),
        (Epilogue(activation=ReLU(negative_slope=0.5)), ("relu",), [0.5] * 3),
        (Epilogue(True, ELU(alpha=2.0)), ("sum", "elu"), [2] * 3),
        (Epilogue(activation=TanH()), ("tanh",), [0] * 3),
        (Epilogue(projection=_PROJECTION), ("projection",), [0] * 3),
        (Epilogue(False, ELU(alpha=2.0), _PROJECTION), ("projection", "elu"), [2] * 3),
    ],
)
def test_coefficients_and_parts(epilogue, parts, expected):
    images = [(2, 1, 1)] * (2 if epilogue and epilogue.projection else 1)
    layer = one_layer_net("Convolution", *images, epilogue=epilogue, num_output=3, kernel_size=1).layer("layer")
    assert epilogue_parts(layer) == parts
    np.testing.assert_array_equal(coefficients(layer, 3), expected)
    assert coefficients(layer, 3).dtype == np.float32


@pytest.mark.parametrize("shared", [False, True])
def test_coefficients_of_prelu_are_its_slopes(shared):
    epilogue = Epilogue(activation=PReLU(channel_shared=shared))
    layer = one_layer_net("InnerProduct", (4,), epilogue=epilogue, num_output=5).layer("layer")
    np.testing.assert_array_equal(coefficients(layer, 5), np.broadcast_to(layer.weights["slope"], 5))


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("schedule", BOTH, ids=lambda schedule: schedule.name)
def test_what_every_kernel_with_an_epilogue_is_told(schedule, residual):
    """Where vectors are channels, values of channels fill whole ones, with zeros after the last."""
    net = one_layer_net(
        "Convolution", (3, 2, 2), epilogue=Epilogue(residual, PReLU()), num_output=5, kernel_size=2, pad=1
    )
    layer, target = net.layer("layer"), host_target()
    lowering = Lowering(layer, net.bottom_blobs(layer)[:1], net.top_blobs(layer), target, schedule=schedule)
    words = Fused(**fused_words(lowering, layer.weights["bias"]))
    blobs = {Fused.x.slot: "x0", Fused.y.slot: "y0"} | ({Fused.residual.slot: "residual"} if residual else {})
    assert words.blobs == blobs
    top = lowering.top()
    assert (words.x_block, words.y_block) == (lowering.bottom().block_elements, 9 * top.position_elements)
    length = 5 if schedule is BATCH else top.position_elements
    for found, name in zip(words.keep, ("bias", "slope"), strict=True):
        np.testing.assert_array_equal(found, np.append(layer.weights[name], np.zeros(length - 5, np.float32)))
    assert [address(array) for array in words.keep] == [words.bias, words.coefficients]
    np.testing.assert_array_equal(fused_words(lowering, None)["bias"], np.zeros(length))
    reads = fused_reads(lowering, layer.params.window(2))
    assert reads == {Fused.x.slot: Reach(1, 1, 0)} | ({Fused.residual.slot: Reach()} if residual else {})
