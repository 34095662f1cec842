import pytest

from tests.frontend.onnx.read.onnx_models import check_node, check_refused, f32, one_node
from xdn.errors import UnsupportedError
from xdn.frontend.onnx.read.net import net_of


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"pads": [1, 1, 1, 1]},
        {"strides": [2, 3], "dilations": [2, 1]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"auto_pad": "VALID"},
        {"pads": [0, 1, 2, 0]},
    ],
)
def test_conv(attributes):
    constants = {"w": f32(6, 4, 3, 3), "b": f32(6)}
    types = check_node("Conv", (2, 4, 9, 10), constants, **attributes)
    assert types[-1] == "Convolution"


def test_conv_of_groups_lines_and_volumes():
    check_node("Conv", (2, 4, 7, 7), {"w": f32(6, 2, 3, 3)}, group=2)
    check_node("Conv", (2, 4, 9), {"w": f32(3, 4, 3), "b": f32(3)}, pads=[1, 1])
    check_node("Conv", (1, 2, 5, 6, 5), {"w": f32(3, 2, 3, 1, 2)}, strides=[1, 2, 1])
    check_refused("Conv", (2, 4, 9), {"w": f32(3, 4, 3)}, pads=[0, 1], reason="its border is")


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"pads": [0, 1, 1, 0], "dilations": [1, 2]},
        {"strides": [2, 2], "output_shape": [10, 9]},
    ],
)
def test_conv_transpose(attributes):
    types = check_node("ConvTranspose", (2, 4, 5, 4), {"w": f32(4, 3, 3, 3), "b": f32(3)}, **attributes)
    assert types[0] == "Deconvolution"


def test_conv_transpose_beyond_its_filters():
    """Nothing but the bias is there."""
    weights = {"w": f32(2, 2, 2, 2), "b": f32(2)}
    check_node("ConvTranspose", (1, 2, 3, 3), weights, strides=[2, 3], output_padding=[1, 2])
    reason = "beyond what its filters reach"
    check_refused("ConvTranspose", (1, 2, 3, 3), weights, strides=[2, 2], output_padding=[2, 0], reason=reason)


POOLS = [
    {"kernel_shape": [3, 3], "strides": [2, 2]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 0]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]},
    {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"},
    {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER"},
]


@pytest.mark.parametrize("attributes", POOLS)
def test_max_pool(attributes):
    assert check_node("MaxPool", (2, 3, 8, 9), **attributes)[0] == "Pooling"


@pytest.mark.parametrize("counted", [0, 1])
@pytest.mark.parametrize("attributes", POOLS)
def test_average_pool(attributes, counted):
    assert check_node("AveragePool", (2, 3, 8, 9), count_include_pad=counted, **attributes)[0] == "Pooling"


def test_pools_of_lines_and_of_all_positions():
    check_node("MaxPool", (2, 3, 9), kernel_shape=[2], strides=[2])
    check_node("AveragePool", (2, 3, 4, 5, 4), kernel_shape=[2, 2, 2], strides=[2, 2, 2])
    assert check_node("GlobalAveragePool", (2, 3, 4, 5)) == ["Pooling"]
    assert check_node("GlobalMaxPool", (2, 3, 4, 5)) == ["Pooling"]


@pytest.mark.parametrize("attributes", [{}, {"ceil_mode": 1}, {"pads": [1, 0, 0, 1]}])
def test_dilated_pools(attributes):
    attributes = {"kernel_shape": [2, 3], "strides": [3, 2], "dilations": [2, 2], **attributes}
    if "pads" not in attributes:
        assert check_node("MaxPool", (2, 3, 9, 8), **attributes)[0] == "Pooling"
    for counted in (0, 1):
        found = check_node("AveragePool", (2, 3, 9, 8), opset=19, count_include_pad=counted, **attributes)
        assert found[0] == "Convolution"


@pytest.mark.parametrize("attributes", [{"p": 3, "strides": [2, 1]}, {"pads": [1, 0, 0, 1], "p": 1}])
def test_lp_pool(attributes):
    assert "Convolution" in check_node("LpPool", (2, 3, 8, 9), kernel_shape=[3, 2], **attributes)


def test_pools_that_are_refused():
    check_refused("LpPool", (1, 1, 8, 8), kernel_shape=[2, 2], p=0, reason="its p is 0")
    model = one_node("MaxPool", (1, 1, 8, 8), kernel_shape=[2, 2])
    model.graph.node[0].output.append("indices")
    with pytest.raises(UnsupportedError, match="its indices are asked for"):
        net_of(model, "model")
