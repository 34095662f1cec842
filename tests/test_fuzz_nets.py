"""Random nets computed in all ways: the oracle is right, some nets find nothing, and faults are found."""

import json
import re
from itertools import product
from math import prod
from random import Random

import numpy as np
import pytest

pytest.importorskip("resource", reason="the limits are those of POSIX")

from tests.kernels.checks import make_params, one_layer_net
from tools.fuzz import nets, run, worker
from tools.fuzz.expected import Expected, compute
from tools.fuzz.integers import check_integers, reading_bf16, reading_integers, rounding_weights
from tools.fuzz.mutate import Mutator
from tools.fuzz.net_maker import MAKERS, make_net
from tools.fuzz.nets import NETS, DifferenceError, check
from tools.fuzz.oracle import RULES
from xdn.errors import CheckError, XdnError
from xdn.frontend import to_prototxt
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt
from xdn.graph import Layer, Net, Quantized
from xdn.kernels.elementwise import affine_positions
from xdn.layers.broadcast import spread
from xdn.layers.scale import Scale

MADE = [make_net(Random(number)) for number in range(400)]


def text(*layers, shape=(3, 3, 3, 3), images=3):
    first = Layer("data", make_params("Input", shape=(shape,)), (), ("x",))
    return f"# images: {images} threads: 1\n{to_prototxt(Net('made', (first, *layers)))}".encode()


def layer(type_name, name, *bottoms, **params):
    return Layer(name, make_params(type_name, **params), bottoms, (name,))


def test_nets_depend_on_seed_and_number_alone():
    mutator = Mutator.of(NETS)
    assert mutator.input(1, 7) == mutator.input(1, 7)
    assert len({mutator.input(seed, number) for seed in (1, 2) for number in range(20)}) > 35


def test_nets_have_every_layer_type_rank_and_kind_of_axis():
    whole = "\n".join(MADE)
    assert MAKERS.keys() == RULES.keys()
    assert {name for name in MAKERS if f'type: "{name}"' not in whole} == set()
    assert {int(axis) for axis in re.findall(r" axis: (-?\d)", whole)} >= set(range(-4, 5)) - {1}
    first = [re.search(r"shape \{(.*?)\}", made, re.DOTALL).group(1).split()[1::2] for made in MADE]
    assert {len(shape) for shape in first} == {1, 2, 3, 4, 5}
    assert sum(len(set(shape)) < len(shape) for shape in first) > 150
    assert max(prod(map(int, shape)) for shape in first) <= 600


def test_some_nets_find_nothing():
    refused = 0
    for made in MADE[:40]:
        try:
            check(made.encode())
        except XdnError:
            refused += 1
    assert refused < 10


@pytest.mark.parametrize(
    ("type_name", "params", "expected"),
    [
        ("Softmax", {"axis": -1}, [[[0.25, 0.75]], [[0.5, 0.5]]]),
        ("Permute", {"order": (2, 0)}, [[[0], [1]], [[np.log(3)], [1]]]),
        ("Reduction", {"axis": 1, "operation": "MEAN", "coeff": 2.0}, [np.log(3), 2]),
        ("ArgMax", {"axis": 2}, [[[1]], [[1]]]),
        ("ArgMax", {"out_max_val": True}, [[[1], [np.log(3)]], [[1], [1]]]),
        ("Flatten", {"axis": -2}, [[0, np.log(3)], [1, 1]]),
        ("Reshape", {"shape": (0, -1), "axis": 1, "num_axes": 1}, [[[[0, np.log(3)]]], [[[1, 1]]]]),
    ],
)
def test_the_oracle_by_hand(type_name, params, expected):
    x = np.array([[[0, np.log(3)]], [[1, 1]]])
    (top,) = RULES[type_name](make_params(type_name, **params), [x], {}, 1)
    np.testing.assert_allclose(top, np.array(expected), atol=1e-12)


def test_the_oracle_lays_operands_along_their_axis():
    x, factors = np.ones((2, 2, 2)), np.array([1.0, 10.0])
    (top,) = RULES["Scale"](Scale(axis=-1), [x], {"scale": factors}, 1)
    assert top.tolist() == [[[1, 10], [1, 10]]] * 2
    (top,) = RULES["Scale"](Scale(axis=0), [x, factors], {}, 1)
    assert top[:, 0, 0].tolist() == [1, 10]


def test_the_oracle_lays_kernels_by_hand():
    x, kernel = np.array([[[1.0, 2, 3], [10, 20, 30]]]), np.array([[[1.0, 0.5]], [[0, 1]]])
    (top,) = RULES["Convolution"](
        make_params("Convolution", num_output=2, kernel_size=2, group=2),
        [x],
        {"weight": kernel, "bias": np.array([0.0, 1])},
        1,
    )
    assert top.tolist() == [[[2, 3.5], [21, 31]]]
    params = make_params("Deconvolution", num_output=2, kernel_size=2, stride=2, group=2, bias_term=False)
    (top,) = RULES["Deconvolution"](params, [x], {"weight": kernel}, 1)
    assert top.tolist() == [[[1, 0.5, 2, 1, 3, 1.5], [0, 10, 0, 20, 0, 30]]]
    (top,) = RULES["MVN"](make_params("MVN", normalize_variance=False), [x], {}, 1)
    assert top.tolist() == [[[-1, 0, 1], [-10, 0, 10]]]
    (top,) = RULES["Tile"](make_params("Tile", axis=-2, tiles=2), [x], {}, 1)
    assert top.tolist() == [[[1, 2, 3], [10, 20, 30], [1, 2, 3], [10, 20, 30]]]


def test_what_a_net_enlarges_is_allowed_and_no_more():
    net, feed = one_layer_net("Reduction", (4,), axis=1), {"x0": np.array([[1, -1, 1e-3, 0]], np.float32)}
    expected = Expected.of(net, feed)
    # The sum cancels: what is rounded are its terms.
    assert 1e-7 < expected.tolerances["y0"] < 1e-4
    assert expected.difference("y0", expected.values["y0"] + 1e-7) is None
    assert "is allowed" in expected.difference("y0", expected.values["y0"] * 1.5)
    assert "the shape" in expected.difference("y0", np.zeros((1, 1)))
    assert "nan" in expected.difference("y0", np.array([np.nan]))


def test_indices_are_compared_where_rounding_cannot_change_them():
    net = one_layer_net("ArgMax", (3,), axis=1)
    clear, tied, near = ({"x0": np.array([row], np.float32)} for row in ([1, 2, 3], [3, 3, 1], [3, 3 - 1e-6, 1]))
    assert Expected.of(net, clear).fragile == set()
    assert Expected.of(net, tied).fragile == set()
    assert compute(net, tied)["y0"].item() == 1
    assert Expected.of(net, near).fragile == {"y0"}


def test_an_axis_that_is_taken_for_another_is_found(monkeypatch):
    rows = text(layer("Scale", "s", "x", axis=2))
    check(rows)
    monkeypatch.setattr(affine_positions, "spread", lambda operand, axis, axes: spread(operand, -1, axes))
    with pytest.raises(DifferenceError, match=r"session, batch: blob 's' is .* instead of"):
        check(rows)


def test_a_fault_of_the_references_is_found(monkeypatch):
    monkeypatch.setattr(Scale, "reference", lambda self, bottoms, weights, n_tops: (bottoms[0] * 2,))
    with pytest.raises(DifferenceError, match="reference: blob 's'"):
        check(text(layer("Scale", "s", "x", axis=2)))


def test_images_that_weights_do_not_fit_are_refused():
    with pytest.raises(XdnError, match="instead of"):
        check(text(layer("Scale", "s", "x", axis=0), images=2))
    with pytest.raises(XdnError, match="first line"):
        check(b"layer {}")


@pytest.mark.skipif(not worker.STATM.exists(), reason="memory is bounded by means that only Linux has")
def test_the_command_runs_nets_in_processes(tmp_path, capsys):
    target = tmp_path / "found.json"
    call = ["--count", "6", "--jobs", "2", "--seed", "3", "--folder", str(tmp_path), "--json", str(target)]
    assert nets.main(call) == 0
    found = json.loads(target.read_text())["targets"]["nets"]
    assert (found["done"], found["failures"]) == (6, [])
    assert "nets" in capsys.readouterr().out


def test_one_net_alone_and_what_failures_print(tmp_path, monkeypatch, capsys):
    assert nets.main(["--seed", "3", "--only", "1"]) == 0
    out = capsys.readouterr().out
    assert Mutator.of(NETS).input(3, 1).decode() in out
    assert "all ways give the same" in out or "refused:" in out

    def fail(content):
        raise DifferenceError("session, batch", "blob 'y' is 1")

    monkeypatch.setattr(nets, "check", fail)
    assert nets.main(["--seed", "3", "--only", "1"]) == 3
    assert "blob 'y' is 1" in capsys.readouterr().out
    failure = worker.Failure(5, "difference: session, batch", "Traceback\nDifferenceError: blob 'y' is 1\n")
    monkeypatch.setattr(run, "run_target", lambda *_: worker.Report(done=6, failures=[failure]))
    assert nets.main(["--seed", "3", "--folder", str(tmp_path)]) == 3
    err = capsys.readouterr().err
    assert "blob 'y' is 1" in err
    assert "--seed 3 --only 5" in err
    assert Mutator.of(NETS).input(3, 5).decode() in err
    assert (tmp_path / "nets-3-5").read_bytes() == Mutator.of(NETS).input(3, 5)


def test_a_difference_is_named_by_its_way():
    def differ(content):
        raise DifferenceError("session, channel", "blob 'y' is 1")

    report = worker.Report()
    target = nets.Target("nets", differ, tuple, made=lambda rng: b"")
    worker.run_one(Mutator.of(target), 1, 0, 5.0, report)
    assert [failure.kind for failure in report.failures] == ["difference: session, channel"]


def test_integers_that_sessions_compute_otherwise_are_found(monkeypatch):
    net = net_from_message(prototxt.parse(text(layer("ReLU", "r", "x"), layer("ReLU", "s", "r")).decode()))
    feed = {"x": np.random.default_rng(0).standard_normal((2, 3, 3, 3)).astype(np.float32)}

    def several():
        for seed in range(4):
            check_integers(net, feed, 1, seed)

    several()
    stored = Quantized.stored
    monkeypatch.setattr(Quantized, "stored", lambda self, values: stored(self, values) // 2 * 2)
    with pytest.raises(CheckError, match="differs from the references"):
        several()


def test_layers_read_what_covers_their_bottoms():
    net = net_from_message(prototxt.parse(text(layer("ReLU", "r", "x"), layer("ReLU", "s", "r")).decode()))
    feed = {"x": np.random.default_rng(0).standard_normal((2, 3, 3, 3)).astype(np.float32)}
    read = reading_integers(net, feed, np.random.default_rng(1))
    assert [[how.signed for how in each.quantized] for each in read.layers] == [[], [True], [False]]
    largest = float(np.abs(feed["x"]).max())
    assert read.layers[1].quantized[0].scale == pytest.approx(largest / 127)


def test_some_layers_read_bf16_in_place_of_what_they_read():
    net = net_from_message(prototxt.parse(text(layer("ReLU", "r", "x"), layer("ReLU", "s", "r")).decode()))
    feed = {"x": np.zeros((2, 3, 3, 3), np.float32)}
    read = [reading_bf16(net, feed, np.random.default_rng(seed)).layers for seed in range(20)]
    assert {tuple(each.reads_bf16 for each in layers[1:]) for layers in read} == set(product((False, True), repeat=2))


def test_some_layers_with_filters_round_their_weights():
    fc = layer("InnerProduct", "f", "x", num_output=2)
    net = net_from_message(prototxt.parse(text(fc, layer("ReLU", "s", "f")).decode()))
    read = [rounding_weights(net, np.random.default_rng(seed)).layers for seed in range(100)]
    found = {how.weight_bits for layers in read for how in layers[1].quantized}
    assert (found, {layers[2].quantized for layers in read}) == (set(range(1, 9)), {()})
