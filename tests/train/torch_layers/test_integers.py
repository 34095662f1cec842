"""Layers that read 8-bit integers: the references' bits, and the gradients of learned step sizes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.train.checks import compare, seeded_inputs, tensors, with_weights
from xdn.graph import Epilogue, Quantized, WeightsOnly
from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.eltwise import Eltwise
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.integer import has_integer_weights
from xdn.layers.pooling import Pooling
from xdn.layers.relu import ReLU
from xdn.layers.sigmoid import Sigmoid
from xdn.train.module import NetModule
from xdn.train.torch_layers.integers import Learned

U8, S8 = Quantized(0.011), Quantized(0.023, signed=True)


def reading(net, *quantized):
    """Return the net of one layer with that layer reading integers."""
    return net.replace(layers=(*net.layers[:-1], net.layers[-1].replace(quantized=quantized)))


def outputs(net, inputs):
    """Return name -> output of a net's module in eval mode."""
    with torch.no_grad():
        return {name: value.numpy() for name, value in NetModule(net).eval().outputs(tensors(inputs)).items()}


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        (Convolution(num_output=6, kernel_size=(3,), pad=(1,), stride=(2,), group=2), [(2, 4, 7, 9)]),
        (Convolution(num_output=4, kernel_size=(3,), group=4, bias_term=False), [(2, 4, 5, 5)]),
        (Deconvolution(num_output=4, kernel_size=(4,), pad=(1,), stride=(2,), group=2), [(2, 6, 3, 3)]),
        (InnerProduct(num_output=5), [(3, 4, 2, 2)]),
        (InnerProduct(num_output=5, transpose=True, axis=2), [(3, 4, 7)]),
        (Pooling(pool="AVE", kernel_size=(3,), stride=(2,), pad=(1,)), [(2, 3, 8, 8)]),
        (Pooling(pool="AVE", global_pooling=True), [(2, 3, 7, 5)]),
        (Eltwise(coeff=(0.3, -1.7, 1.0)), [(2, 3, 4, 4)] * 3),
        (Eltwise(operation="PROD"), [(2, 3, 4, 4)] * 2),
        (ReLU(negative_slope=0.1), [(2, 3, 4, 4)]),
    ],
)
@pytest.mark.parametrize("how", [U8, S8], ids=["u8", "s8"])
def test_the_bits_are_those_of_the_reference(params, shapes, how):
    read = (replace(how, scale=how.scale * (1 + number)) for number in range(len(shapes)))
    net = reading(one_layer_net(params, *shapes), *read)
    inputs = seeded_inputs(net)
    np.testing.assert_array_equal(outputs(net, inputs)["y0"], net.forward(inputs)["y0"])


@pytest.mark.parametrize("weight_bits", [1, 2, 4])
def test_so_are_those_of_fewer_bits(weight_bits):
    net = one_layer_net(Convolution(num_output=6, kernel_size=(3,)), (2, 4, 7, 9))
    net = reading(net, Quantized(0.2, signed=True, bits=3, weight_bits=weight_bits))
    inputs = seeded_inputs(net)
    np.testing.assert_array_equal(outputs(net, inputs)["y0"], net.forward(inputs)["y0"])


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_weights_alone_are_integers_and_learn_with_their_scales(bits):
    epilogue = Epilogue(False, None, Convolution(num_output=6, kernel_size=(1,)))
    net = one_layer_net(
        Convolution(num_output=6, kernel_size=(3,), pad=(1,)), (2, 4, 6, 6), (2, 3, 6, 6), epilogue=epilogue
    )
    net = reading(net, WeightsOnly(bits), WeightsOnly(bits))
    inputs, module = seeded_inputs(net), NetModule(net)
    compare(module.eval().outputs(tensors(inputs))["y0"], net.forward(inputs)["y0"])
    module.train()(tensors(inputs)).square().sum().backward()
    assert {name for name, each in module.named_parameters() if each.grad is not None and each.grad.any()} == {
        f"one:{name}"
        for name in (
            "weight",
            "bias",
            "weight_scale",
            *(f"projection%2E{name}" for name in ("weight", "bias", "weight_scale")),
        )
    }
    made = module.to_net().layers[-1]
    assert (made.quantized, has_integer_weights(made)) == (net.layers[-1].quantized, False)


def test_gradients_of_weights_alone_are_those_of_their_source():
    net = reading(one_layer_net(InnerProduct(num_output=3), (2, 5)), WeightsOnly(4))
    module, x = NetModule(net), torch.tensor(seeded_inputs(net)["x0"])
    module(x).sum().backward()
    found = dict(module.named_parameters())
    quotient = (found["one:weight"] / found["one:weight_scale"][:, None]).detach()
    inside = (quotient >= -8) & (quotient <= 7)
    each = x.sum(0).expand(3, 5)
    np.testing.assert_allclose(found["one:weight"].grad, each * inside, rtol=1e-5)
    steps = torch.where(inside, quotient.round() - quotient, quotient.clamp(-8, 7))
    np.testing.assert_allclose(found["one:weight_scale"].grad, (steps * each).sum(1) / 35**0.5, rtol=1e-3, atol=1e-4)


def test_weights_of_one_bit_pass_all_gradients():
    net = reading(one_layer_net(InnerProduct(num_output=3), (2, 5)), replace(S8, weight_bits=1))
    module = NetModule(net)
    module(torch.tensor(seeded_inputs(net)["x0"])).sum().backward()
    found = dict(module.named_parameters())
    x = S8.values(S8.stored(seeded_inputs(net)["x0"])).sum(0)
    np.testing.assert_allclose(found["one:weight"].grad, np.broadcast_to(x, (3, 5)), rtol=1e-5)
    signs = torch.where(found["one:weight"] >= 0, 1.0, -1.0)
    bias = (found["one:bias"] / (found["one:weight_scale"] * S8.scale)).detach()
    steps = signs @ torch.tensor(x) + 2 * S8.scale * (bias.round() - bias)
    np.testing.assert_allclose(found["one:weight_scale"].grad, steps / 5**0.5, rtol=1e-3, atol=1e-4)


def test_sums_beyond_what_f32_holds_are_exact():
    net = one_layer_net(InnerProduct(num_output=3), (2, 3000))
    net = reading(net, U8)
    inputs = {"x0": np.abs(seeded_inputs(net)["x0"]) * 2}
    weights = np.abs(net.layers[-1].weights["weight"])
    net = with_weights(net, "one", weight=weights)
    expected = net.forward(inputs)["y0"]
    sums = expected / (U8.scale * weights.max(axis=1) / 127)
    assert sums.min() > 2**24
    np.testing.assert_array_equal(outputs(net, inputs)["y0"], expected)


def test_functions_that_round_more_than_once_are_right_to_the_last_bits():
    net = reading(one_layer_net(Sigmoid(), (2, 3, 4, 4)), S8)
    inputs = seeded_inputs(net)
    np.testing.assert_allclose(outputs(net, inputs)["y0"], net.forward(inputs)["y0"], rtol=3e-7)


@pytest.mark.parametrize("residual", [True, False], ids=["residual", "projection"])
def test_what_is_fused_follows_in_the_order_of_kernels(residual):
    own, more = (2, 4, 6, 6), (2, 6 if residual else 3, 6, 6)
    epilogue = Epilogue(residual, ReLU(), None if residual else Convolution(num_output=6, kernel_size=(1,)))
    net = one_layer_net(Convolution(num_output=6, kernel_size=(3,), pad=(1,)), own, more, epilogue=epilogue)
    for quantized in ((U8, S8), (U8,)) if residual else ((U8, S8),):
        made = reading(net, *quantized)
        inputs = seeded_inputs(made)
        np.testing.assert_array_equal(outputs(made, inputs)["y0"], made.forward(inputs)["y0"])


def gradients(module, inputs):
    """Return the output, and parameter name -> gradient of a weighted sum of it."""
    module.zero_grad()
    y = module(torch.tensor(inputs["x0"]))
    (y * torch.linspace(-1, 1, y.numel()).reshape(y.shape)).sum().backward()
    return y.detach(), {name: parameter.grad for name, parameter in module.named_parameters()}


@pytest.mark.parametrize(("bits", "group", "rounds"), [(4, 1, True), (4, 64, False), (2, 1, False), (8, 1, False)])
def test_in_training_few_bits_may_be_multiplied_in_bf16(bits, group, rounds):
    params = Convolution(num_output=64, kernel_size=(3,), group=group)
    net = reading(one_layer_net(params, (2, 64, 4, 4)), Quantized(0.2, signed=True, bits=bits, weight_bits=bits))
    inputs, module = seeded_inputs(net), NetModule(net)
    exact, exact_gradients = gradients(module, inputs)
    module.bf16_bits = 4
    found, found_gradients = gradients(module, inputs)
    # Up to 256 bf16 holds every integer, and depthwise filters are multiplied in f32.
    assert torch.equal(found, exact) is not rounds
    # Rounded are the bias, the sum with it, the gradient of the sum, and those that are given back.
    np.testing.assert_allclose(found, exact, rtol=2**-7, atol=2**-8 * float(exact.abs().max()))
    for name, expected in exact_gradients.items():
        atol = 2**-6 * float(expected.abs().max())
        np.testing.assert_allclose(found_gradients[name], expected, rtol=2**-6, atol=atol)
    np.testing.assert_array_equal(outputs(net, inputs)["y0"], net.forward(inputs)["y0"])


def test_a_step_has_the_gradient_of_its_source():
    x = torch.tensor([[-1.0, 0.03, 0.32, 9.0], [0.1, -9.0, 0.2, 0.5]], requires_grad=True)
    weights = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
    learned = Learned(Quantized(0.1), torch.tensor(0.1, requires_grad=True))
    (learned.values(x) * weights).sum().backward()
    quotient = x.detach() / 0.1
    inside = (quotient >= 0) & (quotient <= 255)
    steps = torch.where(inside, quotient.round() - quotient, quotient.clamp(0, 255))
    # Of the four values of an image.
    expected = (steps * weights).sum() / (4 * 255) ** 0.5
    assert float(learned.scale.grad) == pytest.approx(float(expected), rel=1e-4)
    np.testing.assert_allclose(x.grad, weights * inside, rtol=1e-6)


@pytest.mark.parametrize(("bits", "largest", "eased"), [(8, 127, 127**-2), (4, 7, (5 * 7) ** -0.5)])
def test_filters_and_their_scales_have_the_gradients_of_their_source(bits, largest, eased):
    net = reading(one_layer_net(InnerProduct(num_output=3), (2, 5)), replace(S8, weight_bits=bits))
    module = NetModule(net)
    module(torch.tensor(seeded_inputs(net)["x0"])).sum().backward()
    found = {name: parameter.detach() for name, parameter in module.named_parameters()}
    gradients = {name: parameter.grad for name, parameter in module.named_parameters()}
    x = S8.values(S8.stored(seeded_inputs(net)["x0"])).sum(0)
    scales = found["one:weight_scale"]
    quotient, bias = found["one:weight"] / scales[:, None], found["one:bias"] / (scales * S8.scale)
    assert quotient.abs().max() < largest + 1e-3
    np.testing.assert_allclose(gradients["one:weight"], np.broadcast_to(x, (3, 5)), rtol=1e-5)
    np.testing.assert_allclose(gradients["one:bias"], [2, 2, 2], rtol=1e-5)
    # The bias is rounded, too, by the scale of both.
    steps = (quotient.round() - quotient) @ torch.tensor(x) + 2 * S8.scale * (bias.round() - bias)
    np.testing.assert_allclose(gradients["one:weight_scale"], steps * eased, rtol=1e-3, atol=1e-6)


def test_a_scale_below_zero_counts_by_its_magnitude():
    learned = Learned(U8, torch.tensor(-U8.scale))
    x = torch.tensor([[0.5, 1.0]])
    np.testing.assert_array_equal(learned.values(x), U8.values(U8.stored(x.numpy())))
