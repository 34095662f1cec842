"""Names of parameters, and who owns what is shared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.graph.nets import residual_net
from xdn.graph import Layer, Net
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.input import Input
from xdn.train.parameters import owners, parameter_name, weight_keys

KEYS = st.tuples(st.text(".%25E:ab", max_size=4) | st.text(), st.sampled_from(["weight", "bias", "scale_factor"]))


@given(KEYS, KEYS)
def test_no_two_weights_have_one_name(one, other):
    assert "." not in parameter_name(*one)
    assert (parameter_name(*one) == parameter_name(*other)) == (one == other)


@pytest.mark.parametrize(
    ("layer", "name"), [("conv1/3x3", "conv1/3x3:weight"), ("a.b", "a%2Eb:weight"), ("a%2Eb:c", "a%252Eb:c:weight")]
)
def test_names(layer, name):
    assert parameter_name(layer, "weight") == name


def test_weight_keys_count_a_layers_blobs():
    found = [(layer.name, index, key) for layer, index, key in weight_keys(residual_net(with_weights=False))]
    assert found == [
        ("conv", 0, ("conv", "weight")),
        ("conv", 1, ("conv", "bias")),
        ("fc", 0, ("fc", "weight")),
        ("fc", 1, ("fc", "bias")),
    ]


def test_the_first_layer_with_a_name_owns_the_array():
    layers = [Layer("data", Input(shape=((2, 4),)), tops=("x0",))]
    for i, shared in enumerate([("", "b"), ("w", "b"), ("w",), ()]):
        layers.append(Layer(f"ip{i}", InnerProduct(num_output=4), (f"x{i}",), (f"x{i + 1}",), shared=shared))
    assert owners(Net("shared", tuple(layers))) == {
        ("ip0", "weight"): ("ip0", "weight"),
        ("ip0", "bias"): ("ip0", "bias"),
        ("ip1", "weight"): ("ip1", "weight"),
        ("ip1", "bias"): ("ip0", "bias"),
        ("ip2", "weight"): ("ip1", "weight"),
        ("ip2", "bias"): ("ip2", "bias"),
        ("ip3", "weight"): ("ip3", "weight"),
        ("ip3", "bias"): ("ip3", "bias"),
    }
