"""Which layers are quantized, and why the others are not."""

import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.calibrating import fused, residual_net
from xdn.errors import SettingError
from xdn.optimize.quantize.choice import chosen, groups
from xdn.optimize.quantize.config import CalibrationConfig

DEFAULT = CalibrationConfig()


def test_layers_with_weights_and_what_reads_their_integers():
    found = chosen(residual_net(), DEFAULT)
    assert found.layers == ("stem", "a", "b", "average", "fc")
    assert found.kept.keys() == {"prob"}
    assert "Softmax has no 8-bit form" in found.kept["prob"]


def test_named_layers_stay():
    found = chosen(residual_net(), CalibrationConfig(keep_f32=("st*", "fc")))
    assert found.layers == ("a", "b", "average")
    assert {name for name, reason in found.kept.items() if reason == "it was asked for"} == {"stem", "fc"}


def test_the_ends_stay_where_asked_for():
    found = chosen(residual_net(), CalibrationConfig(keep_ends=True))
    assert found.layers == ("a", "b", "average")


def test_a_name_that_no_layer_has_is_an_error():
    with pytest.raises(SettingError, match="'aa' once the net is fused"):
        chosen(residual_net(), CalibrationConfig(keep_f32=("fc", "aa")))


def test_other_layers_follow_their_makers():
    """A sum of two quantized layers reads integers, and so does what reads it in turn; LRN has no form for that."""
    net = net_of(
        data(2, 4, 6, 6),
        conv("a", "data", 4, kernel=3, pad=1),
        conv("b", "data", 4),
        layer("Eltwise", "weighted", ["a", "b"], coeff=(1.0, 0.5)),
        layer("Sigmoid", "sigmoid", ["weighted"]),
        layer("Pooling", "average", ["sigmoid"], pool="AVE", kernel_size=2),
        layer("Eltwise", "largest", ["a", "weighted"], operation="MAX"),
        layer("Eltwise", "product", ["a", "b"], operation="PROD"),
        layer("LRN", "normal", ["a"]),
        layer("Scale", "scale", ["normal"]),
    )
    found = chosen(net, DEFAULT)
    assert found.layers == ("a", "b", "weighted", "sigmoid", "average", "largest", "product")
    assert "8-bit form" in found.kept["normal"]
    assert found.kept["scale"] == "not all of its bottoms are 8-bit integers anyway"


def test_what_would_be_fused_into_layers_with_weights_rounds_nothing_before():
    """A net that keeps BatchNorm to be trained; where a sum reads what the layer gives, too, a Scale reads integers."""
    net = net_of(
        data(2, 4, 6, 6),
        conv("a", "data", 4),
        layer("BatchNorm", "norm", ["a"]),
        layer("Scale", "scale", ["norm"]),
        layer("ReLU", "relu", ["scale"]),
        conv("b", "relu", 4),
        layer("Scale", "apart", ["b"]),
        layer("Eltwise", "sum", ["apart", "b"]),
        conv("c", "sum", 4),
        conv("d", "b", 4),
    )
    found = chosen(net, DEFAULT)
    assert found.layers == ("a", "b", "apart", "sum", "c", "d")
    assert (
        found.kept["norm"] == found.kept["scale"] == "it belongs to the layer with weights before it, which gives f32"
    )


def test_functions_are_tables_where_their_results_are_read_as_integers():
    """Through what hands values on; not where an f32 layer alone reads them, even after another function."""
    net = net_of(
        data(2, 4, 6, 6),
        conv("a", "data", 4),
        layer("Swish", "swish", ["a"]),
        layer("Pooling", "pool", ["swish"], pool="MAX", kernel_size=2, stride=2),
        layer("Concat", "twice", ["pool", "pool"]),
        conv("b", "twice", 4),
        layer("HSwish", "hswish", ["b"]),
        layer("TanH", "tanh", ["hswish"]),
        layer("Softmax", "prob", ["tanh"]),
        layer("Sigmoid", "first", ["data"]),
        layer("LRN", "lrn", ["first"]),
        layer("ELU", "elu", ["lrn"]),
        conv("c", "elu", 4),
    )
    found = chosen(net, DEFAULT)
    assert found.layers == ("a", "swish", "b", "c")
    assert {found.kept[name] for name in ("hswish", "tanh")} == {"no layer reads what it gives as 8-bit integers"}
    assert found.kept["elu"] == "not all of its bottoms are 8-bit integers anyway"


def test_blobs_between_which_values_are_handed_on_belong_together():
    """Through pools, splits and a Concat, in which parts and whole have one scale; not through averages."""
    net = net_of(
        data(2, 4, 6, 6),
        conv("a", "data", 4),
        layer("Split", "split", ["a"], ["a1", "a2"]),
        layer("Pooling", "pool", ["a1"], pool="MAX", kernel_size=2, stride=2),
        conv("b", "pool", 4),
        layer("Concat", "both", ["b", "pool"]),
        layer("Pooling", "average", ["a2"], pool="AVE", kernel_size=2),
    )
    found = groups(net)
    assert len({found[blob] for blob in ("a", "a1", "a2", "pool", "b", "both")}) == 1
    assert len({found[blob] for blob in ("data", "a", "average")}) == 3


def test_a_concat_of_integers_is_there_as_integers():
    net = net_of(
        data(2, 4, 6, 6),
        conv("a", "data", 4),
        conv("b", "data", 4),
        layer("Concat", "both", ["a", "b"]),
        layer("Scale", "scale", ["both"]),
        layer("LRN", "normal", ["a"]),
        layer("Concat", "mixed", ["normal", "b"]),
        layer("Scale", "other", ["mixed"]),
    )
    assert chosen(net, DEFAULT).layers == ("a", "b", "scale")


def test_too_many_products_stay():
    """Even of signed integers so many do not certainly fit into 32 bits."""
    net = net_of(data(1, 67000, name="x"), layer("InnerProduct", "ip", ["x"], num_output=1))
    found = chosen(net, DEFAULT)
    assert found.layers == ()
    assert "products" in found.kept["ip"]


def test_an_activation_that_processors_round_differently_stays_fused_in_f32():
    net = fused(net_of(data(1, 3, 6, 6), conv("a", "data", 4), layer("Sigmoid", "s", ["a"])))
    assert "Sigmoid" in chosen(net, DEFAULT).kept["a"]
