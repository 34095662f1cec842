"""The pipeline runs stages in order, checks each, and says what each did."""

import numpy as np
import pytest

from tests.optimize.building import assert_same_outputs, conv, data, layer, names, net_of, register_stage
from tests.positions import EVERY_NET, SIZES, TABLE, net_over
from xdn import settings
from xdn.errors import CheckError, UnknownNameError
from xdn.graph import Quantized
from xdn.graph.cost import net_cost
from xdn.optimize.check import largest_difference, reference, seeded_batch
from xdn.optimize.pipeline import apply_stages, optimize
from xdn.optimize.stage import POST_FUSION, Note, Rewrite, Stage, stage_names


def small():
    return net_of(
        data(5, 3, 6, 6),
        conv("c", "data", 4, 3, bias_term=False),
        layer("BatchNorm", "bn", ["c"]),
        layer("Scale", "scale", ["bn"], bias_term=True),
        layer("ReLU", "relu", ["scale"]),
        layer("Dropout", "drop", ["relu"]),
        layer("InnerProduct", "ip", ["drop"], num_output=3),
    )


def test_all_plain_stages_by_default():
    net, told = small(), []
    result = optimize(net, progress=lambda *done: told.append(done))
    assert told == [(place, len(stage_names())) for place in range(len(stage_names()))]
    assert names(result.net) == ["c", "relu", "ip"]
    assert [report.stage for report in result.reports] == list(stage_names())
    assert 0 < result.difference < 1e-6
    assert result.cost == net_cost(net)
    assert result.reports[-1].cost == net_cost(result.net)
    assert_same_outputs(net, result.net)


def test_chosen_stages_in_the_given_order():
    result = optimize(small(), ["fuse-activation", "eliminate-dropout"])
    assert [report.stage for report in result.reports] == ["fuse-activation", "eliminate-dropout"]
    assert names(result.net) == ["c", "bn", "scale", "relu", "ip"]
    assert "'scale' (Scale), which has no filters" in result.reports[0].refusals[0].text


def test_an_unknown_stage():
    with pytest.raises(UnknownNameError, match="optimizer stage 'nothing'"):
        optimize(small(), ["nothing"])


def test_without_weights_nothing_is_compared():
    net = net_of(data(5, 3, 6, 6), layer("Dropout", "d", ["data"]), conv("c", "d", 2), weights=False)
    result = optimize(net)
    assert result.difference is None
    assert {report.difference for report in result.reports} == {None}
    assert names(result.net) == ["c"]


def test_every_changed_net_runs_once():
    runs = []

    def forward(net, inputs):
        runs.append(names(net))
        return reference(net, inputs)

    optimize(small(), forward=forward)
    assert runs == [
        ["c", "bn", "scale", "relu", "drop", "ip"],
        ["c", "bn", "scale", "relu", "ip"],
        ["c", "relu", "ip"],
    ]


def test_on_given_images():
    images = {"data": np.full((1, 3, 6, 6), 7, np.float32)}
    seen = []

    def forward(net, inputs):
        seen.append(inputs["data"])
        return {name: values for name, values in reference(net, inputs).items() if name in net.outputs}

    assert optimize(small(), forward=forward, data=images).difference < 1e-6
    assert all(array is images["data"] for array in seen)


class Wrong(Stage):
    """Scale the weights by a thousandth."""

    def apply(self, net):
        kept = net.layer("c").replace(weights={"weight": net.layer("c").weights["weight"] * np.float32(1.001)})
        layers = tuple(kept if each.name == "c" else each for each in net.layers)
        return Rewrite(net.replace(layers=layers), (Note("c", "scaled"),))


def test_a_stage_that_moves_values_fails_the_check(monkeypatch):
    register_stage(monkeypatch, Wrong)
    with pytest.raises(CheckError, match=r"stage 'wrong': blob '.+' moved by 0.001") as caught:
        optimize(small(), ["wrong"])
    assert caught.value.exit_code == 3
    assert optimize(small(), ["wrong"], tolerance=0.01).difference > 1e-5


class Uneven(Stage):
    """Scale the first filter by a thousandth."""

    def apply(self, net):
        weight = net.layer("c").weights["weight"] * np.float32([1.001, 1, 1]).reshape(3, 1, 1, 1)
        kept = net.layer("c").replace(weights={"weight": weight})
        return Rewrite(
            net.replace(layers=tuple(kept if each.name == "c" else each for each in net.layers)), (Note("c", "scaled"),)
        )


@pytest.mark.parametrize("params", [{}, {"top_k": 2}], ids=["one", "two"])
def test_what_jumps_is_expected_from_what_it_reads_after_the_stage(params, monkeypatch):
    """The first of three channels becomes the largest; what is computed of its number changes, too."""
    register_stage(monkeypatch, Uneven)
    weight = np.float32([1, 1.0005, 0]).reshape(3, 1, 1, 1)
    net = net_of(
        data(2, 1, 2, 2),
        conv("c", "data", 3, bias_term=False).replace(weights={"weight": weight}),
        layer("ArgMax", "first", ["c"], axis=1, **params),
        layer("Power", "twice", ["first"], scale=2.0),
    )
    result = optimize(net, ["uneven"], tolerance=0.01)
    assert result.difference < 1e-6
    with pytest.raises(CheckError, match=r"blob 'c' moved by 0\.00"):
        optimize(net, ["uneven"])


class Broken(Stage):
    """Leave a reader without its bottom."""

    def apply(self, net):
        return Rewrite(net.replace(layers=net.layers[:-2] + net.layers[-1:]), (Note("drop", "removed"),))


def test_a_stage_that_breaks_the_net_fails_the_check(monkeypatch):
    register_stage(monkeypatch, Broken)
    with pytest.raises(CheckError, match=r"stage 'broken': the net is broken: .*unknown bottom blob 'drop'"):
        optimize(small(), ["broken"])


class Renaming(Stage):
    """Call the output otherwise."""

    def apply(self, net):
        last = net.layers[-1].replace(tops=("other",))
        return Rewrite(net.replace(layers=(*net.layers[:-1], last), outputs=("other",)), (Note("ip", "renamed"),))


def test_a_stage_that_renames_an_output_fails_the_check(monkeypatch):
    register_stage(monkeypatch, Renaming)
    with pytest.raises(CheckError, match="inputs or outputs are others"):
        optimize(small(), ["renaming"])


def test_apply_stages_is_the_rewriting_alone():
    net = optimize(small()).net
    fused = apply_stages(net, stage_names(POST_FUSION))
    assert names(fused) == ["c", "ip"]
    assert_same_outputs(net, fused)


STAGES_IN_ORDER = (*stage_names(), *stage_names(POST_FUSION))


@pytest.mark.parametrize("net", EVERY_NET)
def test_every_stage_keeps_the_outputs_over_lines_images_and_volumes(net):
    for name in STAGES_IN_ORDER:
        after = apply_stages(net, [name])
        assert_same_outputs(net, after)
        net = after


@pytest.mark.parametrize("axes", list(SIZES))
def test_every_stage_has_something_to_do_in_the_table(axes):
    """Which positions are read in part is asked of images only.

    No net of the table reads 8-bit integers, has attention, or moves values of one shape for images of any size.
    """
    found = {"quantized-storage", "eliminate-moves", "fuse-attention"}
    for name in TABLE:
        reports = optimize(net_over(axes, name), STAGES_IN_ORDER).reports
        found |= {report.stage for report in reports if report.changes}
    assert found == set(STAGES_IN_ORDER) - ({"eliminate-unread"} if axes != 2 else set())


def test_stages_are_compared_in_f32_where_rounding_decides_which_integer_a_value_becomes():
    net = net_of(
        data(2, 3, 6, 6),
        conv("a", "data", 4),
        layer("BatchNorm", "bn", ["a"]),
        conv("b", "bn", 4),
        layer("ReLU", "relu", ["b"]),
    )
    batch = seeded_batch(net)
    before, after = (each.forward(batch)["bn"].ravel() for each in (net, optimize(net).net))
    scale = next(
        scale
        for one, two in zip(before, after, strict=True)
        for steps in range(20)
        if one > 0 and (scale := (one + two) / (2 * steps + 1)) > 0
        if (Quantized(scale).stored(before) != Quantized(scale).stored(after)).any()
    )
    layers = (each.replace(quantized=(Quantized(scale),) if each.name == "b" else ()) for each in net.layers)
    net = net.replace(layers=tuple(layers))
    result = optimize(net)
    assert names(result.net) == ["a", "b", "relu"]
    assert result.difference < 1e-5
    assert largest_difference(net.forward(batch), result.net.forward(batch), ["relu"]) > settings.STAGE_TOLERANCE
