"""The net: who writes and reads a blob, shapes, digest, and the forward pass of the references."""

import copy
import pickle

import numpy as np
import pytest

from tests.graph.nets import SHAPE, residual_net
from tests.kernels.checks import one_layer_net, random_weights
from tests.layers.oracles import EPS
from tests.pytorch import needs_torch
from xdn.errors import NetError, ShapeError, UnsupportedError, WeightsError
from xdn.graph import Blob, Epilogue, Layer, Net
from xdn.layers.convolution import Convolution
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.input import Input
from xdn.layers.pooling import Pooling
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.split import Split


def test_structure():
    net = residual_net()
    assert net.outputs == ("fc",)
    assert [layer.name for layer in net.input_layers] == ["data"]
    assert dict(net.inputs) == {"data": Blob(SHAPE)}
    assert net.producers["sum"].name == "sum"
    assert [layer.name for layer in net.consumers["conv"]] == ["relu", "sum"]
    assert net.consumers["fc"] == ()
    assert net.layer("relu").type == "ReLU"
    assert {name: blob.shape for name, blob in net.blobs.items()} == {
        "data": SHAPE,
        "conv": (2, 4, 6, 6),
        "relu": (2, 4, 6, 6),
        "sum": (2, 4, 6, 6),
        "fc": (2, 5),
    }
    assert net.weight_shapes(net.layer("fc")) == {"weight": (5, 144), "bias": (5,)}
    assert net.top_blobs(net.layer("fc")) == [Blob((2, 5))]


def test_an_unknown_layer():
    with pytest.raises(NetError, match="no layer 'nowhere'"):
        residual_net().layer("nowhere")


def test_two_readings_of_one_blob_by_one_layer_count_twice():
    net = residual_net()
    doubled = net.layer("sum").replace(bottoms=("conv", "conv"))
    net = net.replace(layers=tuple(doubled if layer.name == "sum" else layer for layer in net.layers))
    assert [layer.name for layer in net.consumers["conv"]] == ["relu", "sum", "sum"]


@needs_torch
def test_forward_is_what_pytorch_computes(rng):
    import torch

    net = residual_net()
    x = rng.standard_normal(SHAPE).astype(np.float32)
    weights = {layer.name: {k: torch.from_numpy(v.copy()) for k, v in layer.weights.items()} for layer in net.layers}
    conv = torch.nn.functional.conv2d(
        torch.from_numpy(x), weights["conv"]["weight"], weights["conv"]["bias"], padding=1
    )
    total = conv + conv.relu()
    fc = torch.nn.functional.linear(total.flatten(1), weights["fc"]["weight"], weights["fc"]["bias"])
    blobs = net.forward({"data": x})
    assert set(blobs) == set(net.blobs)
    # 144 products in the classifier, each of whose factors sums 27: an error of 171 roundings of the sum of sizes.
    magnitude = float((total.abs().flatten(1) @ weights["fc"]["weight"].abs().T).max()) * 4
    np.testing.assert_allclose(blobs["fc"], fc.numpy(), rtol=0, atol=171 * EPS * magnitude)
    np.testing.assert_array_equal(blobs["data"], x)


def test_another_batch():
    net = residual_net().with_batch(7)
    assert net.blobs["fc"] == Blob((7, 5))
    assert net.layer("conv").weights["weight"].shape == (4, 3, 3, 3)
    assert residual_net(with_weights=False).reshape({"data": (1, 3, 9, 8)}).blobs["conv"] == Blob((1, 4, 9, 8))
    with pytest.raises(NetError, match=r"no input 'image'.*data"):
        net.reshape({"image": (1, 3, 6, 6)})


def test_several_inputs_keep_their_shapes():
    layer = Layer("in", Input(shape=((1, 3),)), tops=("a", "b"))
    net = Net("two", (layer, Layer("relu", ReLU(), ("a",), ("y",))))
    assert net.outputs == ("b", "y")
    assert {name: blob.shape for name, blob in net.reshape({"b": (4, 5)}).inputs.items()} == {"a": (1, 3), "b": (4, 5)}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies_are_the_same_net_and_as_immutable(copied, tmp_path):
    net = residual_net().replace(folder=tmp_path, name="n")
    digest = net.digest
    again = copied(net)
    assert (again.digest, again.name, again.folder, again.outputs) == (digest, "n", tmp_path, net.outputs)
    assert {name: blob.shape for name, blob in again.blobs.items()} == {n: blob.shape for n, blob in net.blobs.items()}
    layer = next(layer for layer in again.layers if layer.weights)
    array = next(iter(layer.weights.values()))
    assert not array.flags.writeable
    with pytest.raises(TypeError):
        layer.weights["more"] = array
    assert copied(layer).weights.keys() == layer.weights.keys()


def test_the_digest_tells_nets_apart():
    net = residual_net()
    assert net.digest == residual_net().digest
    assert net.digest != residual_net(with_weights=False).digest
    conv = net.layer("conv")
    bias = conv.weights["bias"].copy()
    bias[0] = np.nextafter(bias[0], np.float32(np.inf))
    changes = {
        "weights": {**conv.weights, "bias": bias},
        "epilogue": Epilogue(activation=ReLU()),
        "name": "other",
    }
    for field, value in changes.items():
        changed = conv.replace(**{field: value})
        assert (
            net.replace(layers=tuple(changed if layer is conv else layer for layer in net.layers)).digest != net.digest
        ), field
    assert net.replace(outputs=("relu",)).digest != net.digest


def test_missing_weights_are_named():
    with pytest.raises(WeightsError, match=r"layer 'conv' \(Convolution\): no weights \(weight, bias\).*--weights"):
        residual_net(with_weights=False).forward({"data": np.zeros(SHAPE, np.float32)})


def _after_data(*layers):
    return Net("n", (Layer("data", Input(shape=(SHAPE,)), tops=("data",)), *layers))


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        (Layer("r", ReLU(), ("nowhere",), ("r",)), NetError, r"layer 'r' \(ReLU\): unknown bottom blob 'nowhere'"),
        (Layer("r", ReLU(), ("data",), ("r", "s")), NetError, "2 tops are named, but the layer gives 1"),
        (Layer("p", Pooling(kernel_size=(7,)), ("data",), ("p",)), ShapeError, r"layer 'p' \(Pooling\): a kernel"),
        (
            Layer("p", Pooling(pool="STOCHASTIC", kernel_size=(2,)), ("data",), ("p",)),
            UnsupportedError,
            r"layer 'p' \(Pooling\): STOCHASTIC.*AVE",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(layer, error, message):
    with pytest.raises(error, match=message):
        _after_data(layer).blobs  # noqa: B018


def test_a_residual_has_the_top_s_shape():
    pool = Layer("p", Pooling(kernel_size=(2,), stride=(2,)), ("data",), ("p",))
    fused = Layer("r", ReLU(), ("data", "p"), ("r",), epilogue=Epilogue(residual=True))
    with pytest.raises(ShapeError, match=r"residual's shape \(2, 3, 3, 3\) is not \(2, 3, 6, 6\)"):
        _after_data(pool, fused).blobs  # noqa: B018
    net = _after_data(fused.replace(bottoms=("data", "data")))
    assert net.bottom_blobs(net.layer("r")) == [Blob(SHAPE)]


def _projecting(**params):
    """Return a layer with a top of (2, 4, 6, 6) and a fused projection of the same bottom."""
    projection = Convolution(num_output=4, kernel_size=(3,), pad=(1,), **params)
    own = Convolution(num_output=4, kernel_size=(1,))
    return Layer("c", own, ("data", "data"), ("c",), epilogue=Epilogue(activation=PReLU(), projection=projection))


def test_a_fused_projection_adds_its_weights_and_must_give_the_top_s_shape():
    net = _after_data(_projecting())
    assert list(net.weight_shapes(net.layer("c")).items()) == [
        *{"weight": (4, 3, 1, 1), "bias": (4,), "slope": (4,)}.items(),
        *{"projection.weight": (4, 3, 3, 3), "projection.bias": (4,)}.items(),
    ]
    assert net.bottom_blobs(net.layer("c")) == net.added_blobs(net.layer("c")) == [Blob(SHAPE)]
    with pytest.raises(ShapeError, match=r"layer 'c' \(Conv.*projection's shape \(2, 4, 3, 3\) is not \(2, 4, 6, 6\)"):
        _after_data(_projecting(stride=(2,))).blobs  # noqa: B018
    assert net.digest != _after_data(_projecting(dilation=(2,))).digest


def test_a_residual_and_a_projection_are_not_both_fused():
    layer = _projecting()
    both = Epilogue(residual=True, projection=layer.projection)
    with pytest.raises(ShapeError, match="a layer adds one of them"):
        _after_data(layer.replace(epilogue=both)).blobs  # noqa: B018


def test_an_epilogue_without_a_bottom_or_a_top_is_refused():
    empty = Layer("s", Split(), ("data", "data"), epilogue=Epilogue(residual=True))
    with pytest.raises(ShapeError, match="has no top for it"):
        _after_data(empty).blobs  # noqa: B018
    bare = Layer("in", Input(shape=(SHAPE,)), tops=("x",), epilogue=Epilogue(residual=True))
    with pytest.raises(ShapeError, match="has no bottom for it"):
        _after_data(bare).blobs  # noqa: B018


def test_a_fused_activation_adds_its_weights_and_must_fit():
    params = Convolution(num_output=4, kernel_size=(3,))
    fused = Layer("c", params, ("data",), ("c",), epilogue=Epilogue(activation=PReLU()))
    net = _after_data(fused)
    assert net.weight_shapes(fused) == {"weight": (4, 3, 3, 3), "bias": (4,), "slope": (4,)}
    flat = Layer("f", InnerProduct(num_output=4, axis=0), ("data",), ("f",), epilogue=Epilogue(activation=PReLU()))
    with pytest.raises(ShapeError, match=r"layer 'f' \(InnerProduct\).*slopes"):
        _after_data(flat).blobs  # noqa: B018


def test_several_tops():
    net = _after_data(Layer("s", Split(), ("data",), ("a", "b")))
    x = np.ones(SHAPE, np.float32)
    blobs = net.forward({"data": x})
    assert net.outputs == ("a", "b")
    np.testing.assert_array_equal(blobs["b"], x)


@pytest.mark.parametrize(
    ("type_name", "params", "joins"),
    [
        ("BatchNorm", {"use_global_stats": False}, True),
        ("BatchNorm", {}, False),
        ("BatchNorm", {"use_global_stats": False, "scale_bias": True}, False),
        ("BN", {"affine_only": True}, True),
        ("BN", {}, False),
        ("Softmax", {"axis": 0}, True),
        ("Softmax", {"axis": -3}, True),
        ("Softmax", {}, False),
        ("Reduction", {}, True),
        ("Reduction", {"axis": 1}, False),
        ("ArgMax", {}, False),
        ("ArgMax", {"axis": -3, "out_max_val": True}, True),
        ("InnerProduct", {"num_output": 2, "axis": 0}, True),
        ("MVN", {"across_channels": True}, False),
        ("Normalize", {}, False),
    ],
)
def test_layers_that_join_images(type_name, params, joins):
    """By definition: whether an image's result is another one beside other images."""
    image = (4,) if type_name in ("MVN",) else ()
    net = one_layer_net(type_name, (3, 4, *image), **params)
    assert [layer.name for layer in net.joining] == (["layer"] if joins else [])
    rng = np.random.default_rng(1)
    ours, other = rng.standard_normal((2, 1, 3, 4, *image)).astype(np.float32)
    net = random_weights(net.with_batch(2).without_weights(), rng)
    beside = [net.forward({"x0": np.concatenate([ours, x])})["y0"] for x in (other, 2 * other)]
    same = beside[0].ndim > 0 and np.array_equal(beside[0][0], beside[1][0])
    assert same != joins
