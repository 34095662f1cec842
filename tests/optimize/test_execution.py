"""The last check: a net is run by ways given from outside, and these must give what the references give."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from xdn import settings
from xdn.errors import CheckError, UnsupportedError
from xdn.graph import Quantized
from xdn.instruments import executed
from xdn.optimize import optimize
from xdn.optimize.check import largest_difference, reference, run, seeded_batch
from xdn.optimize.execution import Execution, check_execution


def small():
    return net_of(
        data(2, 3, 6, 6),
        conv("c", "data", 4, 3, bias_term=False),
        layer("BatchNorm", "bn", ["c"]),
        layer("ReLU", "relu", ["bn"]),
        layer("InnerProduct", "ip", ["relu"], num_output=3),
    )


def checked(net, execute):
    batch = seeded_batch(net)
    return check_execution(net, batch, run(reference, net, batch), execute)


def by_reference(change=lambda name, array: array):
    """Return a way to run nets: the references, with some blobs changed before later layers read them."""

    def execute(net, inputs, blobs):
        known = dict(inputs)
        for each in net.layers:
            if not each.params.is_input:
                tops = each.forward([known[name] for name in each.bottoms])
                known |= {name: change(name, top) for name, top in zip(each.tops, tops, strict=True)}
        return {"way": {name: known[name] for name in blobs}}

    return execute


def test_sessions_agree_in_both_schedules():
    result = optimize(small(), execute=executed)
    assert list(result.execution.differences) == ["batch", "channel"]
    assert all(0 < difference < 1e-5 for difference in result.execution.differences.values())
    assert optimize(small()).execution is None
    assert optimize(small().without_weights(), execute=executed).execution is None


def test_a_way_that_gives_other_values_is_an_error_that_names_it():
    wrong = by_reference(lambda name, array: array * 1.01 if name == "ip" else array)
    with pytest.raises(CheckError, match=r"schedule 'way': the blob 'ip' differs .* by 0.01") as caught:
        optimize(small(), execute=wrong)
    assert caught.value.exit_code == 3


def test_scores_are_compared_where_a_softmax_hides_them():
    net = net_of(data(2, 3), layer("InnerProduct", "ip", ["data"], num_output=3), layer("Softmax", "prob", ["ip"]))
    saturated = by_reference(lambda name, array: array * 1e6 if name == "ip" else array)
    far = saturated(net, seeded_batch(net), net.blobs)["way"]
    assert set(np.unique(far["prob"])) == {0, 1}
    with pytest.raises(CheckError, match="the blob 'ip'"):
        check_execution(net, seeded_batch(net), far, by_reference(lambda n, x: x * 2e6 if n == "ip" else x))


def test_what_is_fused_when_a_net_runs_is_checked(monkeypatch):
    from xdn.optimize.fuse.activation import FuseActivation

    fuse = FuseActivation.apply

    def forget(self, net):
        made = fuse(self, net)
        return type(made)(made.net.replace(layers=tuple(each.replace(epilogue=None) for each in made.net.layers)))

    monkeypatch.setattr(FuseActivation, "apply", forget)
    with pytest.raises(CheckError, match="schedule 'batch'"):
        optimize(small(), execute=executed)


@pytest.mark.parametrize("limit", ["EXECUTION_MACS", "EXECUTION_BYTES"])
def test_large_nets_are_not_run(monkeypatch, limit):
    monkeypatch.setattr(settings, limit, 100)
    execution = optimize(small(), execute=lambda *_: pytest.fail("it was run")).execution
    assert "an image are more than" in execution.skipped
    assert execution.differences == {}


def test_values_that_are_not_finite_are_not_compared():
    net = net_of(data(2, 3), layer("Exp", "e", ["data"], scale=100.0))
    assert "not finite" in optimize(net, execute=by_reference()).execution.skipped


def test_a_net_that_cannot_be_run_says_so():
    def refuse(net, inputs, blobs):
        raise UnsupportedError("no kernel executes this layer")

    assert checked(small(), refuse) == Execution(skipped="no kernel executes this layer")


JUMPS = [
    [layer("ArgMax", "j", ["c"])],
    [layer("ArgMax", "a", ["c"], axis=1), layer("Power", "j", ["a"], scale=2.0)],
    [layer("Threshold", "j", ["c"], threshold=0.5)],
]


@pytest.mark.parametrize("layers", JUMPS, ids=lambda layers: layers[0].type)
def test_what_jumps_is_expected_from_what_it_was_given(layers):
    net = net_of(data(2, 3, 2, 2), conv("c", "data", 4), *layers)
    clean = run(reference, net, seeded_batch(net))["c"]
    # The largest value and one that is almost as large change places, and a value passes the threshold.
    near = clean.copy()
    near[0, 0, 0, 0], near[0, 1, 0, 0], near[0, 2, 0, 0] = 900.0, np.nextafter(np.float32(900), np.float32(0)), 0.5
    others = near.copy()
    others[0, 0, 0, 0], others[0, 1, 0, 0], others[0, 2, 0, 0] = near[0, 1, 0, 0], 900.0, 0.5 + 1e-6

    batch = seeded_batch(net)
    given = by_reference(lambda name, array: near if name == "c" else array)(net, batch, net.blobs)["way"]
    moved = by_reference(lambda name, array: others if name == "c" else array)
    assert np.abs(moved(net, batch, ["j"])["way"]["j"] - given["j"]).max() >= 1
    assert check_execution(net, batch, given, moved).differences["way"] < 1e-6
    wrong = by_reference(lambda name, array: others if name == "c" else array + (name == "j"))
    with pytest.raises(CheckError, match="the blob 'j'"):
        check_execution(net, batch, given, wrong)


def test_what_a_layer_that_jumps_reads_is_compared():
    net = net_of(data(2, 3, 2, 2), conv("c", "data", 4), layer("ArgMax", "j", ["c"]))
    assert set(checked(net, executed).differences) == {"batch", "channel"}
    with pytest.raises(CheckError, match="the blob 'c'"):
        checked(net, by_reference(lambda name, array: array * 1.01 if name == "c" else array))


def reading_integers():
    """Return f32 -> pool -> integers -> integers -> softmax."""
    net = net_of(
        data(2, 3, 8, 8),
        conv("c", "data", 4, 3),
        layer("Pooling", "pool", ["c"], kernel_size=2, stride=2),
        conv("d", "pool", 4),
        layer("ReLU", "relu", ["d"]),
        layer("InnerProduct", "ip", ["relu"], num_output=3),
        layer("Softmax", "prob", ["ip"]),
    )
    read = {"d": Quantized(6.0, signed=True), "ip": Quantized(2.0)}
    layers = [each.replace(quantized=(read[each.name],) if each.name in read else ()) for each in net.layers]
    return net.replace(layers=tuple(layers))


def test_integers_are_made_of_what_the_machine_computed_in_f32():
    """A value that is nearly half way between two integers becomes one or the other by its rounding."""
    net = reading_integers()
    exact = checked(net, executed)
    assert all(difference < 1e-6 for difference in exact.differences.values())
    batch = seeded_batch(net)
    nudged = by_reference(lambda name, array: array * np.float32(1 + 5e-4) if name == "pool" else array)
    apart = largest_difference(run(reference, net, batch), nudged(net, batch, ["ip"])["way"], ["ip"])
    assert apart > settings.EXECUTION_TOLERANCE
    assert 4e-4 < checked(net, nudged).differences["way"] < 6e-4


def test_stored_integers_that_are_others_are_an_error():
    net = reading_integers()
    for change in (1, -1):
        wrong = by_stored(lambda x, change=change: x + np.where(x == x.max(), change, 0).astype(x.dtype))
        with pytest.raises(CheckError, match="the blob 'relu' differs"):
            checked(net, wrong)


def by_stored(change):
    """Return a way that stores what `ip` reads as integers, changed."""

    def execute(net, inputs, blobs):
        known = by_reference()(net, inputs, list(net.blobs))["way"]
        stored = change(net.layer("ip").quantized[0].stored(known["relu"]) // 2 * 2)
        return {"way": {name: stored if name == "relu" else known[name] for name in blobs}}

    return execute
