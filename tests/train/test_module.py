"""A net as a torch module: values, weights there and back, sharing, inputs, errors."""

import numpy as np
import pytest
import torch

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.graph.nets import residual_net
from tests.positions import EVERY_NET
from tests.train.checks import assert_same_weights, check_net, compare, seeded_inputs, tensors, with_weights
from tests.train.sharing import siamese_net
from xdn import settings
from xdn.errors import InputError, NetError, ShapeError, UnsupportedError, WeightsError
from xdn.frontend import load
from xdn.graph import Bf16, Layer, ParamSpec
from xdn.layers.argmax import ArgMax
from xdn.layers.concat import Concat
from xdn.layers.convolution import Convolution
from xdn.layers.flatten import Flatten
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.quantize import Quantize
from xdn.layers.relu import ReLU
from xdn.layers.reshape import Reshape
from xdn.layers.scale import Scale
from xdn.layers.slice import Slice
from xdn.layers.softmax import Softmax
from xdn.optimize import apply_stages, stage_names
from xdn.train.initial import fresh
from xdn.train.module import INITIAL_SEED, NetModule

SHIPPED = sorted(path.parent.name for path in settings.shipped_dir().glob("*/deploy.prototxt"))
TRAINED = ["resnet20_cifar10", "resnet20_glyphs10"]
#: Images on which the larger nets are still quick.
SMALLER = {
    "densenet121": (3, 64, 64),
    "mobilenet_v1": (3, 64, 64),
    "mobilenet_v2": (3, 64, 64),
    "resnet50": (3, 64, 64),
    "squeezenet_v1.1": (3, 63, 63),
    "vgg16": (3, 32, 32),
}


def _compare_logits(net):
    """Check the logits of one image, and that the weights return as they were."""
    net = net.with_batch(1)
    module, inputs = NetModule(net).eval(), seeded_inputs(net)
    expected = net.forward(inputs)
    (output,) = net.outputs
    softmax = net.producers[output]
    logits = expected[softmax.bottoms[0] if softmax.type == "Softmax" else output]
    with torch.no_grad():
        compare(module(*tensors(inputs).values()), logits.reshape(logits.shape[:2]))
        compare(module.outputs(tensors(inputs))[output], expected[output])
    return module


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_nets(name):
    path = settings.shipped_dir() / name / "deploy.prototxt"
    net = load(path, random_weights=True, input_shape=SMALLER.get(name))
    assert_same_weights(_compare_logits(net).to_net(), net.with_batch(1))


@pytest.mark.parametrize("name", TRAINED)
def test_shipped_trained_nets(name):
    folder = settings.shipped_dir() / name
    net = load(folder / "resnet20.prototxt", folder / "resnet20.caffemodel")
    assert_same_weights(_compare_logits(net).to_net(), net.with_batch(1))


@pytest.mark.parametrize(
    ("folder", "prototxt"),
    [("resnet20", "train_test"), ("resnet56", "train_test"), ("cifar10_full", "deploy"), ("resnet50", "deploy")],
)
def test_trained_nets_of_others(folder, prototxt, material):
    """Sums of BatchNorm come back divided, each quotient rounded as the layer's own reference rounds it."""
    path = material("models", folder)
    net = load(path / f"{prototxt}.prototxt", path / f"{folder}.caffemodel")
    back = _compare_logits(net).to_net()
    for layer, found in zip(net.layers, back.layers, strict=True):
        weights = dict(layer.weights)
        if layer.type == "BatchNorm":
            mean, variance = layer.params.statistics(layer.weights)
            weights = {"mean": mean, "variance": variance, "scale_factor": np.ones(1, np.float32)}
        assert list(found.weights) == list(weights)
        for name, array in weights.items():
            np.testing.assert_array_equal(found.weights[name], array)
    assert_same_weights(NetModule(back).to_net(), back)


def test_all_blobs_of_a_residual_net():
    check_net(residual_net(), batches=(1, 5))


@pytest.mark.parametrize("net", EVERY_NET)
def test_lines_images_and_volumes_as_read_and_optimized(net):
    check_net(net, batches=(3,))
    check_net(apply_stages(net, stage_names()))


def test_names_of_the_state():
    module = NetModule(fresh(siamese_net(), 0))
    assert list(dict(module.named_parameters())) == [
        "left:weight",
        "left:bias",
        "right:bias",
        "fc:weight",
        "fc:bias",
        "fc%2E2:bias",
    ]
    assert list(dict(module.named_buffers())) == ["left/bn:mean", "left/bn:variance"]


def test_each_parameter_is_trained_as_its_layer_says():
    """Of a shared one the first layer, the one that bears its name."""
    net = fresh(siamese_net(), 0)
    specs = {layer.name: (ParamSpec(10 * place), ParamSpec(10 * place + 1)) for place, layer in enumerate(net.layers)}
    net = net.replace(layers=tuple(layer.replace(param_specs=specs[layer.name]) for layer in net.layers))
    module = NetModule(net)
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    assert {names[id(parameter)]: spec for parameter, spec in module.trained()} == {
        "left:weight": specs["left"][0],
        "left:bias": specs["left"][1],
        "right:bias": specs["right"][1],
        "fc:weight": specs["fc"][0],
        "fc:bias": specs["fc"][1],
        "fc%2E2:bias": specs["fc.2"][1],
    }


def test_shared_weights_move_together():
    net = fresh(siamese_net(), 0)
    assert_same_weights(NetModule(net).to_net(), net)
    check_net(net, batches=(1, 3))
    module = NetModule(net)
    module(tensors(seeded_inputs(net))).square().sum().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
    back = module.to_net()
    for one, other in [("left", "right"), ("left/bn", "right/bn"), ("fc", "fc.2")]:
        moved, shared = back.layer(one).weights, back.layer(other).weights
        for name in ("weight",) if "bn" not in one else ("mean", "variance"):
            assert not np.array_equal(moved[name], net.layer(one).weights[name])
            np.testing.assert_array_equal(moved[name], shared[name])
    assert not np.array_equal(back.layer("left").weights["bias"], back.layer("right").weights["bias"])


def test_a_shared_array_may_have_another_shape():
    """Caffe's rule: as many elements are enough."""
    net = one_layer_net(InnerProduct(num_output=4), (2, 6))
    one = net.layer("one").replace(shared=("w",))
    weights = {"weight": one.weights["weight"].reshape(6, 4), "bias": one.weights["bias"]}
    other = Layer("other", InnerProduct(num_output=4, transpose=True), ("x0",), ("y1",), weights, shared=("w",))
    net = net.replace(layers=(*net.layers[:-1], one, other), outputs=("y0", "y1"))
    check_net(net)
    assert_same_weights(NetModule(net).to_net(), net)


def test_shared_weights_that_differ_are_refused():
    net = fresh(siamese_net(), 0)
    odd = with_weights(net, "right/bn", mean=np.ones(4, np.float32))
    with pytest.raises(WeightsError, match=r"'right/bn'.*shared with layer 'left/bn'"):
        NetModule(odd)


def test_a_state_is_restored():
    net = fresh(residual_net(), 1)
    other = NetModule(fresh(residual_net(), 2))
    other.load_state_dict(NetModule(net).state_dict())
    assert_same_weights(other.to_net(), net)


def test_the_net_and_the_module_share_no_memory():
    net = residual_net()
    before = net.digest
    module = NetModule(net)
    out = module.to_net()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert net.digest == out.digest == before
    assert all(array.flags.c_contiguous for layer in out.layers for array in layer.weights.values())


def test_a_net_without_weights_gets_fresh_ones():
    bare = residual_net(with_weights=False)
    assert_same_weights(NetModule(bare).to_net(), fresh(bare, INITIAL_SEED))


def test_some_missing_weights_are_an_error():
    net = residual_net()
    part = net.replace(layers=tuple(e.replace(weights={}) if e.name == "fc" else e for e in net.layers))
    with pytest.raises(WeightsError, match="'fc'"):
        NetModule(part)


def test_a_layer_that_makes_8_bit_integers_is_refused():
    net = residual_net()
    made = Layer("integers", Quantize(scale=0.1), (net.layers[0].tops[0],), ("integers",))
    with pytest.raises(UnsupportedError, match=r"'integers'.*training has no form of this layer"):
        NetModule(net.replace(layers=(*net.layers, made)))


def test_layers_that_read_bf16_are_refused():
    net = residual_net()
    part = net.replace(layers=tuple(e.replace(quantized=(Bf16(),)) if e.name == "fc" else e for e in net.layers))
    with pytest.raises(UnsupportedError, match=r"'fc'.*training does not take a layer that reads bf16"):
        NetModule(part)


@pytest.mark.parametrize(
    "layers",
    [
        (Layer("prob", Softmax(), ("y0",), ("prob",)),),
        (Layer("p", Softmax(), ("y0",), ("p",)), Layer("prob", Softmax(), ("p",), ("prob",))),
    ],
)
def test_logits_are_what_softmax_reads(layers):
    net = one_layer_net(InnerProduct(num_output=4), (2, 6))
    net = net.replace(layers=(*net.layers, *layers), outputs=("prob",))
    inputs = seeded_inputs(net)
    module, expected = NetModule(net), net.forward(inputs)
    compare(module(tensors(inputs)), expected["y0"])
    compare(module.outputs(tensors(inputs))["prob"], expected["prob"])


def test_tops_that_differ():
    """Both parts of a convolution's result are read, one of them by two layers."""
    net = one_layer_net(Convolution(num_output=4, kernel_size=(3,)), (2, 3, 6, 6))
    layers = (
        Layer("parts", Slice(slice_point=(1,)), ("y0",), ("a", "b")),
        Layer("relu", ReLU(), ("b",), ("r",)),
        Layer("all", Concat(), ("r", "a", "b"), ("all",)),
    )
    check_net(net.replace(layers=(*net.layers, *layers), outputs=("all",)), batches=(1, 5))


def test_a_layer_that_gives_no_gradient_is_named():
    net = one_layer_net(InnerProduct(num_output=4), (2, 6))
    net = net.replace(layers=(*net.layers, Layer("best", ArgMax(), ("y0",), ("best",))), outputs=("y0", "best"))
    module, x = NetModule(net), tensors(seeded_inputs(net))
    with pytest.raises(UnsupportedError, match=r"layer 'best' \(ArgMax\).*no gradient"):
        module.outputs(x)
    with torch.no_grad():
        compare(module.outputs(x)["best"], net.forward(seeded_inputs(net))["best"])
    module(x).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_trailing_axes_of_one_are_not_part_of_logits():
    net = one_layer_net(Convolution(num_output=4, kernel_size=(3,)), (2, 3, 3, 3))
    x = tensors(seeded_inputs(net))["x0"]
    assert NetModule(net)(x).shape == (2, 4)
    assert NetModule(net).outputs(x)["y0"].shape == (2, 4, 1, 1)
    assert NetModule(one_layer_net(Flatten(axis=2), (2, 3, 3, 3)))(x).shape == (2, 3, 9)


@pytest.mark.parametrize(
    "x",
    [torch.zeros(2, 2, 5, 5), {"a": torch.zeros(2, 2, 5, 5)}, {"a": torch.zeros(1), "x": torch.zeros(1)}],
    ids=["one of two", "one missing", "another name"],
)
def test_inputs_that_the_net_does_not_have(x):
    with pytest.raises(InputError, match="the net's inputs are a, b"):
        NetModule(siamese_net())(x)


def test_an_input_of_another_shape():
    with pytest.raises(InputError, match=r"\(2, 3, 8, 6\).*\(2, 3, 6, 6\)"):
        NetModule(residual_net())(torch.zeros(2, 3, 8, 6))


@pytest.mark.parametrize("params", [Scale(axis=0), InnerProduct(num_output=2, axis=0), Reshape(shape=(4, 6))], ids=repr)
def test_a_batch_that_shapes_or_weights_do_not_fit(params):
    module = NetModule(one_layer_net(params, (4, 6)))
    assert module(torch.zeros(4, 6)).shape[0] in (2, 4)
    for images in (1, 5):
        with pytest.raises((WeightsError, ShapeError), match="layer"):
            module(torch.zeros(images, 6))


def test_an_unknown_blob():
    with pytest.raises(NetError, match="'nothing'"):
        NetModule(residual_net()).blobs(torch.zeros(2, 3, 6, 6), ["conv", "nothing"])
