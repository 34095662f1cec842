"""Parts of nets, cut out with their weights."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from xdn.errors import NetError, SettingError
from xdn.graph import Transform
from xdn.optimize.extract import extract, extract_after, extracted

TRANSFORM = Transform(scale=0.5)


@pytest.fixture
def net():
    """Two branches from one convolution, that meet in a sum."""
    return net_of(
        data(2, 3, 6, 6, transform=TRANSFORM),
        conv("stem", "data", 4),
        conv("left", "stem", 4, 3, pad=(1,)),
        layer("ReLU", "act", ["left"]),
        layer("Eltwise", "sum", ["act", "stem"]),
        conv("head", "sum", 5),
        conv("other", "stem", 2),
    )


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("stem..sum", ["stem", "left", "act", "sum"]),
        ("left,stem..head", ["left", "stem", "act", "sum", "head"]),
        ("..act", ["data", "stem", "left", "act"]),
        ("sum..head", ["sum", "head"]),
        ("stem..", ["stem", "left", "act", "sum", "head", "other"]),
        ("stem..act,other", ["stem", "left", "act", "other"]),
        ("data..stem", ["data", "stem"]),
    ],
)
def test_a_part_computes_what_the_net_computes_there(net, text, layers):
    part = extracted(net, text)
    assert [each.name for each in part.layers] == layers
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 6)).astype(np.float32)
    whole = net.forward({"data": x})
    found = part.forward({name: whole[name] for name in part.inputs})
    assert part.outputs
    for name in part.outputs:
        np.testing.assert_array_equal(found[name], whole[name])


@pytest.mark.parametrize(
    ("known", "end", "layers"),
    [
        (["data"], "act", ["data", "stem", "left", "act"]),
        (["data", "stem", "left"], "sum", ["stem", "left", "act", "sum"]),
        (["act", "data", "stem"], "head", ["act", "stem", "sum", "head"]),
    ],
)
def test_what_is_known_is_not_computed_again(net, known, end, layers):
    part = extract_after(net, known, end)
    assert [each.name for each in part.layers] == layers
    assert part.outputs == (end,)


def test_only_an_input_of_the_net_keeps_its_transform(net):
    assert extracted(net, "..stem").input_layers[0].params.transform == TRANSFORM
    assert extracted(net, "stem..").input_layers[0].params.transform == Transform()


def test_an_input_is_called_otherwise_than_a_layer_that_stays():
    net = net_of(data(2, 3), layer("ReLU", "a", ["data"]), layer("TanH", "b", ["a"]), layer("AbsVal", "a2", ["b"]))
    renamed = net.replace(layers=(*net.layers[:2], net.layers[2].replace(name="a"), net.layers[3]))
    renamed = renamed.replace(layers=(net.layers[0], net.layers[1].replace(name="first"), *renamed.layers[2:]))
    part = extract(renamed, ["a"])
    assert [(each.name, each.tops) for each in part.layers] == [("a_", ("a",)), ("a", ("b",)), ("a2", ("a2",))]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("stam..head", "no blob 'stam'.*nearest known: stem"),
        ("stem,other..head", "'head' can be computed without 'other'"),
        ("left..head", "'head' cannot be computed without 'data'.*data,left"),
        ("stem..stem", "nothing is computed"),
    ],
)
def test_what_cannot_be_cut_out(net, text, reason):
    with pytest.raises(NetError, match=reason):
        extracted(net, text)


@pytest.mark.parametrize("text", ["", "..", "stem", "stem.sum"])
def test_texts_that_say_no_part(net, text):
    with pytest.raises(SettingError, match=r"Say BLOB\.\.BLOB"):
        extracted(net, text)
