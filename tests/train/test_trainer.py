"""The loop: it learns, logs, tests, stops and goes on as if it had not stopped."""

import json
import signal

import numpy as np
import pytest
import torch

from tests.cli.caffe_files import PROTOTXT
from tests.optimize.quantize.calibrating import fused, instruments_for
from tests.train.tiny import SOLVER, Watched, write_training
from xdn.api import save
from xdn.errors import CheckError, DataError, SettingError
from xdn.frontend import load
from xdn.frontend.solver import read_solver
from xdn.graph.quantized import weight_range
from xdn.logs import read_log
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.train.snapshot import read_snapshot, write_snapshot
from xdn.train.start import begin
from xdn.train.trainer import Trainer

#: 40 images in batches of 8, 4 epochs.
ITERATIONS, EPOCH = 20, 5


@pytest.fixture
def solver(tmp_path):
    """Return a solver of the small net, its files in tmp_path."""
    return read_solver(write_training(tmp_path))


def trainer(solver, out, observer=None, **options):
    """Return a trainer that has not begun, whose results go to the folder `out`."""
    return Trainer(begin(solver, out).task, observer or Watched(), **options)


def stopped(solver, out, at, kind=KeyboardInterrupt):
    """Train until iteration `at`, where something stops the training."""

    def stop():
        if kind is KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
        else:
            raise kind

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(kind):
            trainer(solver, out, Watched(at, stop)).run()
    finally:
        signal.signal(signal.SIGINT, before)


def assert_equal_nets(a, b):
    """Hold that two nets have the same text and weights."""
    assert a.digest == b.digest


def without_seconds(path):
    """Return the rows of a log without the times in them."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in read_log(path)]


def test_it_learns_and_writes_a_log(solver, tmp_path):
    watched = Watched()
    made = trainer(solver, tmp_path / "out", watched)
    net = made.run()
    assert made.progress.accuracy > 90
    assert len(watched.losses) == ITERATIONS
    rows = read_log(tmp_path / "out" / "small.log.jsonl")
    assert rows == json.loads(json.dumps(watched.rows))
    assert [row["iteration"] for row in rows if "test_accuracy" in row] == [5, 10, 15, 20]
    losses = [row for row in rows if "loss" in row]
    # Half a row an iteration is not a row: five iterations an epoch get one each.
    assert [row["iteration"] for row in losses] == list(range(1, ITERATIONS + 1))
    assert losses[6]["loss"] == pytest.approx(np.mean(watched.losses[4:7]))
    assert {row["epoch"] for row in rows if "test_accuracy" in row} == {1.0, 2.0, 3.0, 4.0}
    net.require_weights()


@pytest.mark.parametrize("extra", ["", 'type: "Adam"', "iter_size: 2"], ids=["nesterov", "adam", "iter_size"])
@pytest.mark.parametrize("at", [3, 5, 7])
def test_a_training_that_was_stopped_equals_one_that_was_not(tmp_path, at, extra):
    text = SOLVER.replace('type: "Nesterov"', extra) if extra.startswith("type") else SOLVER + extra
    solver = read_solver(write_training(tmp_path, text))
    whole = trainer(solver, tmp_path / "whole").run()
    stopped(solver, tmp_path / "parts", at)
    resumed = trainer(solver, tmp_path / "parts")
    assert resumed.progress.iteration == at
    assert_equal_nets(resumed.run(), whole)
    logs = [without_seconds(tmp_path / name / "small.log.jsonl") for name in ("whole", "parts")]
    assert logs[0] == logs[1]


def test_a_training_that_crashed_goes_on_from_the_last_epoch(solver, tmp_path):
    whole = trainer(solver, tmp_path / "whole").run()
    stopped(solver, tmp_path / "parts", 8, RuntimeError)
    resumed = trainer(solver, tmp_path / "parts")
    assert resumed.progress.iteration == EPOCH
    assert_equal_nets(resumed.run(), whole)
    logs = [without_seconds(tmp_path / name / "small.log.jsonl") for name in ("whole", "parts")]
    assert logs[0] == logs[1]


def test_a_finished_training_is_not_repeated(solver, tmp_path):
    net = trainer(solver, tmp_path / "out").run()
    watched = Watched()
    again = trainer(solver, tmp_path / "out", watched)
    assert_equal_nets(again.run(), net)
    assert (watched.losses, watched.rows) == ([], [])


def test_a_restart_begins_anew(solver, tmp_path):
    stopped(solver, tmp_path / "out", 3)
    assert trainer(solver, tmp_path / "out", resume=False).progress.iteration == 0


def test_two_interrupts_leave_the_last_snapshot_as_it_is(solver, tmp_path):
    def stop():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            trainer(solver, tmp_path / "out", Watched(7, stop)).run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert trainer(solver, tmp_path / "out").progress.iteration == EPOCH


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"base_lr": 0.06}, "base_lr differs"),
        ({"mirror": False}, "mirror differs"),
        ({"random_seed": 4}, "first weights differs"),
        ({"holdout": 8}, "data differs"),
        ({"epochs": 5}, "epochs differs"),
    ],
)
def test_the_snapshot_of_another_training_is_refused(solver, tmp_path, changes, differs):
    stopped(solver, tmp_path / "out", 3)
    with pytest.raises(SettingError, match=f"belongs to another training: {differs}.*--restart"):
        trainer(solver.replace(**changes), tmp_path / "out")


def test_the_snapshot_of_another_net_is_refused(solver, tmp_path):
    stopped(solver, tmp_path / "out", 3)
    (tmp_path / "small.prototxt").write_text(PROTOTXT.replace("num_output: 8", "num_output: 16"))
    with pytest.raises(SettingError, match="belongs to another training: net differs"):
        trainer(solver, tmp_path / "out")


def test_how_often_something_is_said_may_change(solver, tmp_path):
    stopped(solver, tmp_path / "out", 3)
    resumed = trainer(solver.replace(display=2, snapshot=7, test_interval=4), tmp_path / "out")
    assert resumed.progress.iteration == 3


def damaged(state, what):
    """Return the snapshot's state with one part of it spoilt."""
    if what == "no tensor":
        state["module"] = dict.fromkeys(state["module"], 0)
    elif what == "shape":
        state["module"] = {name: tensor[..., None] for name, tensor in state["module"].items()}
    elif what == "missing":
        del state["kept"]
    elif what == "history":
        state["kept"][0]["velocity"] = torch.zeros(1).expand(1 << 30)
    elif what == "counts":
        state["counts"] = []
    elif what == "iteration":
        state["progress"]["iteration"] = -1
    elif what == "losses":
        state["progress"]["losses"] = [float("nan")]
    return state


@pytest.mark.parametrize("what", ["no tensor", "shape", "missing", "history", "counts", "iteration", "losses"])
def test_a_damaged_snapshot_is_refused(solver, tmp_path, what):
    stopped(solver, tmp_path / "out", 3)
    path = tmp_path / "out" / "small.snapshot.pt"
    write_snapshot(path, damaged(read_snapshot(path), what))
    with pytest.raises(DataError, match="the snapshot is damaged"):
        trainer(solver, tmp_path / "out")


def test_a_snapshot_with_another_byte_is_refused(solver, tmp_path):
    stopped(solver, tmp_path / "out", 3)
    path = tmp_path / "out" / "small.snapshot.pt"
    content = path.read_bytes()
    for place in range(0, len(content), len(content) // 40):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(DataError, match="snapshot"):
            trainer(solver, tmp_path / "out")


def test_a_training_that_diverges_says_so(solver, tmp_path):
    with pytest.raises(CheckError, match=r"the loss is (nan|inf) at iteration.*Lower base_lr") as caught:
        trainer(solver.replace(base_lr=1e30), tmp_path / "out").run()
    assert caught.value.exit_code == 3


def test_frozen_layers_stay(solver, tmp_path):
    text = PROTOTXT.replace('name: "conv2"', 'name: "conv2" param { lr_mult: 0 } param { lr_mult: 0 }')
    (tmp_path / "small.prototxt").write_text(text)
    made = trainer(solver, tmp_path / "out")
    before, after = made.task.net, made.run()
    for name, same in (("conv1", False), ("conv2", True), ("fc", False)):
        kept = [
            np.array_equal(before.layer(name).weights[w], after.layer(name).weights[w])
            for w in after.layer(name).weights
        ]
        assert all(kept) is same, name


def test_statistics_stay_where_asked(solver, tmp_path):
    # Without normalisation by the batch the outputs are as large as pixels.
    solver = solver.replace(base_lr=1e-9)
    made = trainer(solver.replace(freeze_bn=True), tmp_path / "frozen")
    before, frozen = made.task.net.layer("bn1").weights["mean"], made.run().layer("bn1").weights["mean"]
    np.testing.assert_array_equal(before, frozen)
    assert not np.array_equal(before, trainer(solver, tmp_path / "free").run().layer("bn1").weights["mean"])


def test_chances_outside_are_left_alone(solver, tmp_path):
    made = trainer(solver, tmp_path / "out")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    made.run()
    assert torch.equal(torch.get_rng_state(), before)


def test_the_first_test_is_made_where_asked(solver, tmp_path):
    watched = Watched()
    trainer(solver.replace(test_initialization=True, test_interval=100), tmp_path / "out", watched).run()
    assert [row["iteration"] for row in watched.rows if "test_accuracy" in row] == [0, ITERATIONS]


def test_bfloat16_is_used_where_asked(solver, tmp_path):
    precise, rough = Watched(), Watched()
    off = trainer(solver.replace(epochs=1, bf16="OFF"), tmp_path / "a", precise)
    on = trainer(solver.replace(epochs=1, bf16="ON"), tmp_path / "b", rough)
    assert (off.module.bf16_bits, on.module.bf16_bits) == (0, 8)
    off.run(), on.run()
    assert precise.losses != rough.losses
    # Eight bits of mantissa, over five iterations.
    np.testing.assert_allclose(rough.losses, precise.losses, rtol=0.1)


@pytest.fixture
def integer_solver(tmp_path):
    """Return the solver of a net that reads 8-bit integers, scales and weights beside it."""
    path = write_training(tmp_path, SOLVER.replace("0.05", "0.01") + 'weights: "small.caffemodel"')
    logits = "\n".join(line for line in PROTOTXT.splitlines() if "Softmax" not in line)
    (tmp_path / "plain.prototxt").write_text(logits)
    net = fused(load(tmp_path / "plain.prototxt", random_weights=True))
    save(calibrate(net, CalibrationConfig(), instruments_for(net)).net, tmp_path, "small")
    return read_solver(path)


def test_a_net_of_integers_is_trained_to_what_its_file_computes(integer_solver, tmp_path):
    start = begin(integer_solver, tmp_path / "out")
    made = Trainer(start.task, Watched())
    net = start.deployed(made.run())
    read = {(layer.name, how) for layer in net.layers for how in layer.integers}
    assert len(read) == 4
    assert read.isdisjoint({(layer.name, how) for layer in start.test_net.layers for how in layer.integers})
    save(net, tmp_path, "trained")
    assert (tmp_path / "trained.caffemodel").stat().st_size < (tmp_path / "small.caffemodel").stat().st_size + 200
    written = load(tmp_path / "trained.prototxt", tmp_path / "trained.caffemodel")
    assert written.digest == net.digest
    images, _ = start.task.examples.test.batch(0, 8)
    with torch.no_grad():
        logits = made.module.eval()(torch.from_numpy(images)).numpy()
    np.testing.assert_array_equal(written.forward({"data": images})["fc"], logits)


def test_scales_of_least_loss_are_set_after_each_update_and_go_on_alike(integer_solver, tmp_path):
    solver = integer_solver.replace(type="Adam", base_lr=0.001, loss_aware=True)
    made = trainer(solver, tmp_path / "whole")
    whole = made.run()
    for params, weight, scales, bits in made.module.integer_filters():
        assert not scales.requires_grad
        d = made.optimizer.state[weight]["history"].sqrt() + solver.delta
        filters, d = (params.filters(each.detach()).flatten(1) for each in (weight, d))
        q = (filters / scales[:, None]).round().clamp(*weight_range(bits))
        np.testing.assert_allclose((d * filters * q).sum(1) / (d * q * q).sum(1), scales, rtol=1e-3)
    stopped(solver, tmp_path / "parts", 7)
    assert_equal_nets(trainer(solver, tmp_path / "parts").run(), whole)
    with pytest.raises(SettingError, match="loss_aware differs"):
        trainer(solver.replace(loss_aware=False), tmp_path / "parts")


def test_scales_of_least_loss_need_adam(integer_solver, tmp_path):
    with pytest.raises(SettingError, match=r'has no second moment of gradients.* Say type: "Adam"'):
        trainer(integer_solver.replace(loss_aware=True), tmp_path / "out")


def test_a_training_of_integers_that_was_stopped_equals_one_that_was_not(integer_solver, tmp_path):
    whole = trainer(integer_solver, tmp_path / "whole").run()
    stopped(integer_solver, tmp_path / "parts", 7)
    assert_equal_nets(trainer(integer_solver, tmp_path / "parts").run(), whole)
