"""The solver: every field by Caffe's name, places in errors, what no training can use."""

import dataclasses

import pytest

from xdn.errors import ParseError, SettingError, UnknownNameError
from xdn.frontend import prune_text, read_prune_file
from xdn.frontend.caffe.text import schema
from xdn.frontend.solver import Recipe, Solver, read_solver, stated

#: caffe.proto, BVLC master: SolverParameter.
NUMBERS = {
    "net": 24, "net_param": 25, "train_net": 1, "test_net": 2, "test_iter": 3, "test_interval": 4,
    "test_initialization": 32, "base_lr": 5, "display": 6, "max_iter": 7, "iter_size": 36, "lr_policy": 8,
    "gamma": 9, "power": 10, "momentum": 11, "weight_decay": 12, "regularization_type": 29, "stepsize": 13,
    "stepvalue": 34, "clip_gradients": 35, "snapshot": 14, "snapshot_prefix": 15, "snapshot_diff": 16,
    "snapshot_format": 37, "solver_mode": 17, "device_id": 18, "random_seed": 20, "type": 40, "delta": 31,
    "momentum2": 39, "rms_decay": 38, "debug_info": 23, "snapshot_after_train": 28, "solver_type": 30,
    "average_loss": 33, "test_compute_loss": 19, "layer_wise_reduce": 41, "weights": 42, "xdn_param": 20190,
}  # fmt: skip


def read(tmp_path, text):
    path = tmp_path / "solver.prototxt"
    path.write_text(text)
    return read_solver(path)


def refused(tmp_path, text):
    with pytest.raises(ParseError) as caught:
        read(tmp_path, text)
    return caught.value


def test_numbers_are_caffes():
    found = schema.classes()["SolverParameter"].DESCRIPTOR.fields_by_name
    assert {name: found[name].number for name in NUMBERS} == NUMBERS


def test_every_field_of_a_solver_is_one_of_the_file():
    found = schema.classes()["SolverParameter"].DESCRIPTOR.fields_by_name
    own = {field.name for field in dataclasses.fields(Solver)} - {"xdn", "path", "places"}
    assert own <= set(found)
    known = set(schema.classes()["XdnSolverParameter"].DESCRIPTOR.fields_by_name)
    assert {field.name for field in dataclasses.fields(Recipe)} == known


def test_a_caffe_solver_is_read(tmp_path):
    solver = read(
        tmp_path,
        """# The train/test net
        net: "train_val.prototxt"
        test_iter: 100  test_interval: 500
        base_lr: 0.001  momentum: 0.9  weight_decay: 0.004
        lr_policy: "multistep"  gamma: 0.1  stepvalue: 60000  stepvalue: 65000
        display: 200  max_iter: 70000  iter_size: 2
        snapshot: 10000  snapshot_format: HDF5  snapshot_prefix: "cifar10_full"
        solver_mode: GPU  type: "Adam"  clip_gradients: 35  weights: "first.caffemodel"
        """,
    )
    assert solver == Solver(
        net="train_val.prototxt", test_interval=500, base_lr=0.001, momentum=0.9, weight_decay=0.004,
        lr_policy="multistep", gamma=0.1, stepvalue=(60000, 65000), display=200, max_iter=70000, iter_size=2,
        snapshot=10000, snapshot_prefix="cifar10_full", type="Adam", clip_gradients=35.0, weights=("first.caffemodel",),
    )  # fmt: skip


def test_our_own_fields(tmp_path):
    text = (
        'xdn_param { data: "cifar10" epochs: 3 pad_mode: REFLECT teacher: "a:b" teacher: "c:d" bf16: OFF alpha: 0.5 }'
    )
    recipe = read(tmp_path, text).xdn
    assert recipe == Recipe(data="cifar10", epochs=3, pad_mode="REFLECT", teacher=("a:b", "c:d"), bf16="OFF", alpha=0.5)


@pytest.mark.parametrize(
    ("text", "type_"),
    [("", "SGD"), ("solver_type: NESTEROV", "Nesterov"), ('solver_type: ADAM type: "RMSProp"', "RMSProp")],
)
def test_the_old_enum_of_types(tmp_path, text, type_):
    assert read(tmp_path, text).type == type_


def test_two_nets(tmp_path):
    solver = read(tmp_path, 'train_net: "a.prototxt" test_net: "b.prototxt" test_net: "c.prototxt"')
    assert (solver.net, solver.test_net) == ("a.prototxt", "b.prototxt")


def test_a_net_within_the_solver_is_refused(tmp_path):
    with pytest.raises(SettingError, match=r"net_param.*not read.*Say net: FILE"):
        read(tmp_path, 'net_param { name: "n" }')


def test_an_unknown_field_names_the_place_and_the_nearest(tmp_path):
    error = refused(tmp_path, "base_lr: 0.1\nmomentun: 0.9\n")
    assert error.where == f"{tmp_path}/solver.prototxt:2:1"
    assert "SolverParameter has no field 'momentun'" in error.what
    assert "momentum" in error.mend


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("base_lr: nan", r"base_lr is nan.*at least 0"),
        ("base_lr: -1", "base_lr is -1"),
        ("momentum: 1.5", "momentum is 1.5.*from 0 to 1"),
        ("stepvalue: 3 stepvalue: -4", "stepvalue is -4"),
        ("iter_size: 0", "iter_size is 0"),
        ("xdn_param { temperature: 0 }", "temperature"),
        ("xdn_param { pad: 4000000 }", "pad is 4000000"),
        ('regularization_type: "L3"', r"'L3' is unknown. Known: L2, L1"),
    ],
)  # fmt: skip
def test_values_that_no_training_can_use_name_their_place(tmp_path, text, what):
    with pytest.raises(ParseError, match=what) as caught:
        read(tmp_path, f"# base_lr: 3 in a comment\n\n  {text}")
    assert caught.value.where.startswith(f"{tmp_path}/solver.prototxt:3:")


def test_changes_are_checked_too():
    solver = Solver().replace(base_lr=0.5, batch_size=7)
    assert (solver.base_lr, solver.xdn.batch_size) == (0.5, 7)
    with pytest.raises(ParseError, match="base_lr is -1"):
        solver.replace(base_lr=-1.0)


def test_fields_are_stated_one_by_one():
    said = ["type=Adam", "base_lr=1e-3", "pad_mode=REFLECT", "mirror=true", "stepvalue=10", "stepvalue=20", "data=a=b"]
    fields = stated(said)
    assert fields == {
        "type": "Adam",
        "base_lr": pytest.approx(1e-3),
        "pad_mode": "REFLECT",
        "mirror": True,
        "stepvalue": (10, 20),
        "data": "a=b",
    }
    assert Solver().replace(**fields).xdn.pad_mode == "REFLECT"


@pytest.mark.parametrize(
    ("said", "error", "what"),
    [
        ("mirror", SettingError, r"'mirror' is not FIELD=VALUE\. Such as type=Adam"),
        ("momentun=1", UnknownNameError, r"a solver has no field 'momentun'\. The nearest known: momentum"),
        ("path=x", UnknownNameError, "no field 'path'"),
        ("pad=two", ParseError, "^pad=two:1:6"),
        ("pad_mode=BLACK", ParseError, "BLACK"),
        ("pad=1 mirror: true", SettingError, "with one value"),
    ],
)
def test_what_no_field_takes_is_refused(said, error, what):
    with pytest.raises(error, match=what):
        stated([said])


def test_files_are_looked_for_beside_the_solver_and_then_here(tmp_path, monkeypatch):
    there, here = tmp_path / "there", tmp_path / "here"
    for folder in (there, here):
        folder.mkdir()
        (folder / "both.prototxt").touch()
    (here / "only.prototxt").touch()
    monkeypatch.chdir(here)
    solver = read(there, 'net: "none.prototxt"')
    assert solver.find_beside("both.prototxt", "net") == there / "both.prototxt"
    assert solver.find_beside("only.prototxt", "net").resolve() == here / "only.prototxt"
    with pytest.raises(SettingError, match=r"solver.prototxt:1:1: net: there is no file .*none.prototxt"):
        solver.find_beside("none.prototxt", "net")


def test_places_cost_little_and_are_not_words_of_strings(tmp_path):
    text = f'snapshot_prefix: "gamma: {"a" * 60_000}"\n gamma: -1'
    with pytest.raises(ParseError, match=r"solver.prototxt:2:2: gamma is -1"):
        read(tmp_path, text)


def test_a_net_whose_name_no_file_has(tmp_path):
    with pytest.raises(SettingError, match="there is no file"):
        read(tmp_path, "base_lr: 1").find_beside("n" * 5000, "net")


TEXT = """
budget: "macs=0.45"  # what stays
criterion: "l1"
least: 0.1
inner_first: true
group { layer: "conv*" ratio: 0.3 }
group { layer: "fc" criterion: "random" }
"""


def test_fields_as_the_file_states_them(tmp_path):
    path = tmp_path / "prune.prototxt"
    path.write_text(TEXT)
    assert read_prune_file(path) == {
        "budget": "macs=0.45",
        "criterion": "l1",
        "least": 0.1,
        "inner_first": True,
        "group": [{"layer": "conv*", "ratio": 0.3}, {"layer": "fc", "criterion": "random"}],
    }


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "prune.prototxt"
    fields = {"budget": "0.3", "steps": 2, "seed": 0, "group": [{"layer": "a", "ratio": 0.25}]}
    path.write_text(prune_text(fields | {"criterion": None}))
    assert read_prune_file(path) == fields


def test_an_unknown_field_is_an_error_with_its_place(tmp_path):
    path = tmp_path / "prune.prototxt"
    path.write_text('budget: "0.3"\nscedule: "global"\n')
    with pytest.raises(ParseError) as caught:
        read_prune_file(path)
    assert caught.value.where == f"{path}:2:1"
    assert "schedule" in caught.value.mend
