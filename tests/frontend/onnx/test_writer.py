"""Whole nets and epilogues in ONNX."""

import numpy as np
import onnx
import pytest

import xdn
from tests.frontend.onnx.onnx_checks import check_net, one_layer_net, session_of
from tests.positions import EVERY_NET
from xdn.errors import UnsupportedError, WeightsError
from xdn.frontend.onnx.writer import save_onnx, to_onnx
from xdn.graph import Epilogue, Layer, Net
from xdn.layers.convolution import Convolution
from xdn.layers.elu import ELU
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.input import Input
from xdn.layers.prelu import PReLU
from xdn.layers.region import Region
from xdn.layers.relu import ReLU
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.tanh import TanH
from xdn.optimize import POST_FUSION, apply_stages, stage_names


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_epilogue_of_a_sum_and_an_activation(slope):
    epilogue = Epilogue(residual=True, activation=ReLU(negative_slope=slope))
    params = Convolution(num_output=4, kernel_size=(3,), pad=(1,))
    check_net(one_layer_net(params, (2, 3, 5, 5), (2, 4, 5, 5), epilogue=epilogue), batches=(1, 5))


def test_epilogue_of_a_sum():
    params = Convolution(num_output=4, kernel_size=(3,), pad=(1,))
    check_net(one_layer_net(params, (2, 3, 5, 5), (2, 4, 5, 5), epilogue=Epilogue(residual=True)), batches=(3,))


def test_epilogue_of_an_activation():
    check_net(one_layer_net(InnerProduct(num_output=9), (2, 3, 5), epilogue=Epilogue(activation=ReLU())), batches=(3,))


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize(
    "activation", [PReLU(), PReLU(channel_shared=True), ELU(alpha=0.7), Sigmoid(), TanH()], ids=repr
)
def test_epilogues_of_other_activations(activation, residual):
    params = Convolution(num_output=4, kernel_size=(3,), pad=(1,))
    shapes = [(2, 3, 5, 5), (2, 4, 5, 5)][: 1 + residual]
    check_net(one_layer_net(params, *shapes, epilogue=Epilogue(residual, activation)), batches=(3,))


@pytest.mark.parametrize("activation", [None, ReLU(), PReLU()], ids=repr)
@pytest.mark.parametrize("bias", [False, True])
def test_epilogue_of_a_projection(activation, bias):
    params = Convolution(num_output=4, kernel_size=(3,), pad=(1,))
    projection = Convolution(num_output=4, kernel_size=(1,), stride=(2,), bias_term=bias)
    epilogue = Epilogue(activation=activation, projection=projection)
    check_net(one_layer_net(params, (2, 3, 5, 5), (2, 7, 10, 9), epilogue=epilogue), batches=(1, 5))


def test_an_empty_epilogue_adds_nothing():
    plain, empty = (one_layer_net(ReLU(), (2, 3), epilogue=epilogue) for epilogue in (None, Epilogue()))
    assert to_onnx(plain).SerializeToString() == to_onnx(empty).SerializeToString()


def test_inputs_and_outputs_carry_the_blobs_names_and_a_free_batch():
    session = session_of(one_layer_net(Convolution(num_output=4, kernel_size=(3,)), (2, 3, 5, 6)))
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("x0", ["N", 3, 5, 6])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("y0", ["N", 4, 3, 4])]


def test_weights_are_required():
    net = one_layer_net(Convolution(num_output=4, kernel_size=(3,)), (2, 3, 5, 6))
    bare = net.replace(layers=(*net.layers[:-1], net.layers[-1].replace(weights={})))
    with pytest.raises(WeightsError, match="'one'"):
        to_onnx(bare)


def test_the_file_holds_the_model_and_nothing_stays_beside_it(tmp_path):
    net = one_layer_net(InnerProduct(num_output=3), (2, 4))
    save_onnx(net, tmp_path / "net.onnx")
    model = onnx.load(str(tmp_path / "net.onnx"))
    assert model == to_onnx(net)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    np.testing.assert_array_equal(stored["one.weight"], net.layers[-1].weights["weight"])


def test_of_a_model_that_is_too_large_the_values_lie_beside_it(tmp_path):
    net = one_layer_net(InnerProduct(num_output=40, transpose=True), (2, 64))
    assert save_onnx(net, tmp_path / "net.onnx", most_bytes=8000) == (
        tmp_path / "net.onnx",
        tmp_path / "net.onnx.data",
    )
    assert len((tmp_path / "net.onnx").read_bytes()) < 1000
    onnx.checker.check_model(str(tmp_path / "net.onnx"))
    by_others = {
        each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(tmp_path / "net.onnx").graph.initializer
    }
    again = xdn.load(tmp_path / "net.onnx")
    for name, array in net.layers[-1].weights.items():
        np.testing.assert_array_equal(by_others[f"one.{name}"], array)
        np.testing.assert_array_equal(again.layers[-1].weights[name], array)


def test_nothing_stays_of_a_model_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "net.onnx").write_bytes(b"before")
    monkeypatch.setattr(onnx.ModelProto, "SerializeToString", lambda self: 1 / 0, raising=False)
    for most_bytes in (100, 1 << 30):
        with pytest.raises(ZeroDivisionError):
            save_onnx(one_layer_net(InnerProduct(num_output=40), (2, 64)), tmp_path / "net.onnx", most_bytes)
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    assert (tmp_path / "net.onnx").read_bytes() == b"before"


def test_all_layers_without_a_form_are_named():
    inputs = Layer("in", Input(shape=((1, 8, 4, 4),)), (), ("x",))
    regions = (Layer(name, Region(num=1, classes=3), ("x",), (f"top_{name}",)) for name in ("one", "two"))
    net = Net("n", (inputs, *regions))
    with pytest.raises(UnsupportedError, match=r"(?s)^2 of the net's layers have no form in ONNX:.*'one'.*'two'"):
        to_onnx(net)


@pytest.mark.parametrize("net", EVERY_NET)
def test_lines_images_and_volumes_as_read_and_fused(net):
    plain = apply_stages(net, stage_names())
    for each in (net, plain, apply_stages(plain, stage_names(POST_FUSION))):
        check_net(each, batches=(3,))
