"""DenseBlock against PyTorch, and the layers that it stands for."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from tests.pytorch import torch
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob, Layer, Net
from xdn.layers.denseblock import DenseBlock, unfolded
from xdn.layers.input import Input

F = torch.nn.functional
WIDTHS = pytest.mark.parametrize("use", [False, True])


def weights_of(params, shape, rng):
    """Return weights whose variances are positive; a file holds sums, which `scale_factor` divides."""
    found = {name: normal(rng, *each) for name, each in params.weight_shapes([Blob(shape)]).items()}
    for name in found:
        if name.endswith("variance"):
            found[name] = np.abs(found[name]) + np.float32(1)
    return found | {"scale_factor": np.array([2.5], np.float32)}


def by_torch(params, x, weights):
    """Return the top by PyTorch, in f64, with filters turned around."""
    w = {name: torch.from_numpy(array.astype(np.float64)) for name, array in weights.items()}
    factor = w["scale_factor"]

    def normal_relu(y, own):
        mean, variance = (w[f"{own}.{name}"].ravel() / factor for name in ("mean", "variance"))
        return F.batch_norm(y, mean, variance, w[f"{own}.scale"].ravel(), w[f"{own}.bias"].ravel(), eps=1e-5).relu()

    y = torch.from_numpy(x.astype(np.float64))
    for number in range(params.numTransition):
        grown = normal_relu(y, f"{number}")
        if params.use_BC:
            grown = normal_relu(F.conv2d(grown, w[f"{number}.wide.filter"]), f"{number}.wide")
        y = torch.cat([y, F.conv2d(grown, w[f"{number}.filter"].flip(2, 3), padding=1)], 1)
    return y.numpy()


@WIDTHS
@pytest.mark.parametrize(("count", "growth", "shape"), [(1, 1, (1, 1, 1, 1)), (3, 4, (2, 5, 6, 7))])
def test_reference(rng, count, growth, shape, use):
    params = DenseBlock(numTransition=count, growthRate=growth, use_BC=use)
    x, weights = normal(rng, *shape), weights_of(DenseBlock(count, growth, use_BC=use), shape, rng)
    expected = by_torch(params, x, weights)
    # Sums of up to 9 * 20 products, three times one after the other.
    check_layer(params, [x], expected, weights=weights, roundings=1000, magnitude=np.abs(expected).max())


@WIDTHS
def test_the_layers_in_its_place_compute_the_same(rng, use):
    params, shape = DenseBlock(numTransition=2, growthRate=3, use_BC=use), (2, 4, 5, 6)
    x, weights = normal(rng, *shape), weights_of(params, shape, rng)
    data = Layer("data", Input(shape=(shape,)), (), ("x",))
    net = Net("", (data, Layer("block", params, ("x",), ("y",), weights)))
    plain = unfolded(net)
    assert {layer.type for layer in plain.layers} == {"Input", "BatchNorm", "ReLU", "Convolution", "Concat"}
    assert plain.outputs == ("y",)
    assert plain.blobs["y"] == net.blobs["y"]
    blobs = {"x": x}
    for layer in plain.layers[1:]:
        blobs |= zip(layer.tops, layer.forward([blobs[name] for name in layer.bottoms]), strict=True)
    np.testing.assert_array_equal(blobs["y"], params.reference([x], weights, 1)[0])
    macs = sum(
        layer.params.macs(plain.bottom_blobs(layer), plain.top_blobs(layer))
        for layer in plain.layers
        if layer.type == "Convolution"
    )
    assert macs == params.macs([Blob(shape)], [net.blobs["y"]])


def test_a_net_without_blocks_stays_what_it_is():
    net = Net("", (Layer("data", Input(shape=((1, 2),)), (), ("x",)),))
    assert unfolded(net) is net


def test_a_files_weights_tell_whether_there_are_bottlenecks():
    params = DenseBlock(numTransition=4)
    assert params.params_for(41) == DenseBlock(numTransition=4, use_BC=True)
    assert params.params_for(21) == params
    assert params.params_for(20) is None


def test_weights_in_the_order_of_the_file():
    """All filters, all scales, biases, means and variances, the same of the bottlenecks, and a factor."""
    names = list(DenseBlock(numTransition=2, use_BC=True).weight_shapes([Blob((1, 2, 3, 3))]))
    kinds = ("filter", "scale", "bias", "mean", "variance")
    own = [f"{number}.{kind}" for kind in kinds for number in range(2)]
    assert names == [*own, *(name.replace(".", ".wide.") for name in own), "scale_factor"]


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        ({"numTransition": 0}, (1, 2, 3, 3), "numTransition 0"),
        ({"growthRate": -1}, (1, 2, 3, 3), "growthRate -1"),
        ({"numTransition": 1 << 30}, (1, 2, 3, 3), "at most"),
        ({"growthRate": 1 << 30}, (1, 2, 3, 3), "more than"),
        ({}, (1, 2, 3), "4 axes"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shape, message):
    with pytest.raises(ShapeError, match=message):
        DenseBlock(**fields).infer([Blob(shape)], 1)


@pytest.mark.parametrize("fields", [{"filter_H": 5}, {"pad_w": 0}, {"conv_verticalStride": 2}])
def test_other_windows_are_refused(fields):
    with pytest.raises(UnsupportedError, match="3x3 filters with padding 1"):
        DenseBlock(**fields).infer([Blob((1, 2, 3, 3))], 1)
    assert "transitions" in DenseBlock().why_fixed([])
