"""Codebooks for a net: which weights, how near, and what is left as it is."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from xdn.errors import SettingError, UnsupportedError, WeightsError
from xdn.graph import Epilogue, Quantized, WeightsOnly
from xdn.graph.codebook import codebook_in
from xdn.layers.relu import ReLU
from xdn.optimize.codebooks.coding import with_codebooks
from xdn.optimize.codebooks.config import CodebookConfig
from xdn.optimize.prune.ties import tied_units


def small():
    return net_of(
        data(2, 3, 6, 6),
        conv("first", "data", 16, 3),
        layer("ReLU", "relu", ["first"]),
        conv("point", "relu", 24),
        layer("BatchNorm", "bn", ["point"]),
        conv("window", "bn", 32, 3, group=1),
        conv("odd", "window", 6),
        layer("InnerProduct", "fc", ["odd"], num_output=32),
    )


def config(**changes):
    return CodebookConfig(**{"iterations": 4, "swaps": 0, "centroids": 32} | changes)


def test_blocks_are_those_of_the_scheme():
    said = {}
    for blocks in ("small", "large"):
        coded = with_codebooks(small(), config(blocks=blocks))
        said[blocks] = {name: (made.blocks.length, made.blocks.centroids) for name, made in coded.layers.items()}
        assert coded.kept == {"first": "it is the first that multiplies with weights"}
    assert said["small"] == {"point": (4, 24), "window": (9, 32), "odd": (4, 12), "fc": (4, 32)}
    # Blocks of 24 channels are of 8, of 32 of 8; an inner product has those of `small`.
    assert said["large"] == {"point": (8, 12), "window": (18, 32), "odd": (8, 6), "fc": (4, 32)}


def test_weights_are_of_the_codebooks_and_near_what_they_were():
    net = small()
    coded = with_codebooks(net, config())
    for name, made in coded.layers.items():
        before, after = (each.layer(name).weights["weight"] for each in (net, coded.net))
        codebook = codebook_in(coded.net.layer(name))
        assert len(codebook.centroids) <= made.blocks.centroids
        assert made.bytes >= codebook.bytes
        error = np.square(after - before).sum() / np.square(before).sum()
        assert made.error == pytest.approx(error, rel=1e-4)
        assert 0 < error < 0.6
    assert coded.groups == 0


def test_the_order_of_channels_helps_and_the_rest_of_the_net_follows():
    net = small()
    point = net.layer("point").weights["weight"]
    # Of channels as different as these, alternating, no block is like another until they are sorted.
    uneven = point * np.resize(np.array([1, 0.01], np.float32), 16)[:, None, None]
    net = net.with_weights({"point": {**net.layer("point").weights, "weight": uneven.astype(np.float32)}})
    plain, ordered = (with_codebooks(net, config(swaps=swaps)) for swaps in (0, 20))
    assert ordered.groups == 2
    assert sum(made.error for made in ordered.layers.values()) < sum(made.error for made in plain.layers.values())
    again = with_codebooks(net, config(swaps=20))
    assert again.net.digest == ordered.net.digest


def test_codebooks_are_made_anew_of_the_values():
    coded = with_codebooks(small(), config())
    again = with_codebooks(coded.net, config(blocks="large"))
    assert again.layers["point"].blocks.length == 8


def test_layers_that_are_kept():
    coded = with_codebooks(small(), config(keep_f32=("w*", "fc")))
    assert set(coded.layers) == {"point", "odd"}
    assert coded.kept["fc"] == "it was asked for"
    with pytest.raises(SettingError, match="no layer with weights is called 'nothing'"):
        with_codebooks(small(), config(keep_f32=("nothing",)))


def test_the_first_is_the_first_with_a_weight():
    net = net_of(
        data(2, 4, 4, 4),
        layer("MatMul", "squares", ["data", "data"]),
        conv("a", "squares", 16),
        conv("b", "a", 32),
    )
    coded = with_codebooks(net, config())
    assert (set(coded.layers), set(coded.kept)) == ({"b"}, {"a"})


@pytest.mark.parametrize("swaps", [0, 1])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantized": (Quantized(0.1),)}, "codebooks are not for a net with a layer that reads 8-bit integers"),
        ({"quantized": (WeightsOnly(2),)}, "codebooks are not for a net with a layer whose weights have few bits"),
        ({"epilogue": Epilogue(activation=ReLU())}, "Make codebooks before fusing it"),
    ],
)
def test_layers_that_do_not_compute_with_f32_alone_are_refused(change, message, swaps):
    net = small()
    layers = tuple(each.replace(**change) if each.name == "odd" else each for each in net.layers)
    with pytest.raises(UnsupportedError, match=rf"layer 'odd'.*{message}"):
        with_codebooks(net.replace(layers=layers), config(swaps=swaps))


def test_weights_that_are_not_finite_are_refused():
    net = small()
    broken = np.full_like(net.layer("odd").weights["weight"], np.inf)
    with pytest.raises(WeightsError, match=r"layer 'odd'.*not all finite"):
        with_codebooks(net.with_weights({"odd": {**net.layer("odd").weights, "weight": broken}}), config())


def test_pruning_takes_no_codebooks():
    with pytest.raises(UnsupportedError, match=r"layer 'point'.*its weight is a codebook's"):
        tied_units(with_codebooks(small(), config()).net)
