import numpy as np
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import check_node, check_refused, f32, model_of, one_node
from xdn.errors import NetError
from xdn.frontend.onnx.read.net import net_of


@pytest.mark.parametrize(
    ("op", "layer"),
    [
        ("Relu", "ReLU"),
        ("Sigmoid", "Sigmoid"),
        ("Tanh", "TanH"),
        ("Abs", "AbsVal"),
        ("Exp", "Exp"),
        ("Softplus", "Softplus"),
        ("Erf", "Erf"),
        ("HardSwish", "HSwish"),
        ("Neg", "Power"),
        ("Reciprocal", "Power"),
        ("LeakyRelu", "ReLU"),
        ("Elu", "ELU"),
        ("Selu", "SELU"),
        ("Round", "Unary"),
        ("Sin", "Unary"),
        ("Tan", "Unary"),
        ("Asinh", "Unary"),
        ("Sign", "Unary"),
    ],
)
def test_functions(op, layer):
    assert check_node(op, (2, 3, 4, 5)) == [layer]


def test_functions_with_parameters():
    check_node("LeakyRelu", (2, 3), alpha=0.3)
    check_node("Elu", (2, 3), alpha=0.3)
    assert check_node("HardSigmoid", (2, 3), alpha=1 / 6, beta=0.5) == ["HSigmoid"]
    assert check_node("HardSigmoid", (2, 3)) == ["Power", "Clip"]
    assert check_node("Selu", (2, 3), alpha=2.0, gamma=1.5) == ["ELU", "Power"]
    assert check_node("Celu", (2, 3), alpha=0.5) == ["Power", "ELU", "Power"]
    check_node("Softsign", (2, 3))
    check_node("ThresholdedRelu", (2, 3), alpha=0.3)
    check_node("Shrink", (2, 3), lambd=0.4, bias=0.2)


@pytest.mark.parametrize("form", ["none", "tanh"])
def test_gelu(form):
    assert check_node("Gelu", (2, 3, 4), opset=20, approximate=form) == ["Gelu"]


def test_prelu():
    assert check_node("PRelu", (2, 3, 4, 4), {"slope": f32(3, 1, 1)}) == ["PReLU"]
    check_node("PRelu", (2, 3, 4, 4), {"slope": f32(1)})
    assert check_node("PRelu", (2, 3, 4, 4), {"slope": f32(4)})[-1] == "Binary"


@pytest.mark.parametrize(
    ("signs", "expected"),
    [({}, [1, 1, 0, 0]), ({"detect_negative": 0}, [1, 0, 0, 0]), ({"detect_positive": 0}, [0, 1, 0, 0])],
)
def test_what_is_infinite_or_not_a_number(signs, expected):
    x = np.float32([[np.inf, -np.inf, np.nan, 1]])
    np.testing.assert_array_equal(net_of(one_node("IsInf", (1, 4), **signs), "m").forward({"x": x})["y"], [expected])
    np.testing.assert_array_equal(net_of(one_node("IsNaN", (1, 4)), "m").forward({"x": x})["y"], [[0, 0, 1, 0]])


@pytest.mark.parametrize(
    ("low", "high", "layers"),
    [
        (0, None, ["ReLU"]),
        (0, 6, ["ReLU6"]),
        (-0.5, 0.5, ["Clip"]),
        (None, 0.25, ["Clip"]),
        (-np.inf, np.inf, ["Split"]),
    ],
)
def test_clip(low, high, layers):
    bounds = {"low": low, "high": high}
    given = {name: np.array(value, np.float32) for name, value in bounds.items() if value is not None}
    if low is None:
        given = {"low": np.array(np.finfo(np.float32).min), **given}
    assert check_node("Clip", (2, 3, 4), given) == layers


def test_bounds_of_older_operator_sets():
    assert check_node("Clip", (2, 3), opset=10, min=0.0, max=6.0) == ["ReLU6"]


def test_other_names():
    assert check_node("Identity", (2, 3)) == ["Split"]
    assert check_node("Dropout", (2, 3)) == ["Split"]
    training = {"ratio": np.array(0.5, np.float32), "mode": np.array(True)}
    check_refused("Dropout", (2, 3), training, reason="as in training")


def test_the_mask_of_what_is_left():
    nodes = [helper.make_node("Dropout", ["x"], ["y", "mask"])]
    x = np.float32([[1, np.nan]])
    found = net_of(model_of(nodes, {"x": ("n", 2)}, outputs=("y", "mask")), "m").forward({"x": x})
    np.testing.assert_array_equal(found["y"], x)
    assert found["mask"].tolist() == [[1, 1]]


def test_a_division_by_nothing():
    with pytest.raises(NetError, match="its alpha is 0"):
        net_of(one_node("Celu", (2, 3), alpha=0.0), "m")
