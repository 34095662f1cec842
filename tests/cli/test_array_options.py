"""Arrays in place of images, and outputs as arrays."""

import argparse
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_run_data import detector, saved, two_inputs
from tests.evaluate.building import brightest_channel
from xdn import frontend
from xdn.cli.array_options import Given, add_array_options
from xdn.cli.run import main

IMAGES = np.random.default_rng(0).standard_normal((5, 3, 4, 5)).astype(np.float32)


@pytest.fixture
def net(tmp_path):
    """Return the options that name a net of one input."""
    return saved(tmp_path, brightest_channel())


def run(net, tmp_path, *options):
    """Run a net, and return the outputs that it wrote."""
    assert main([*net, "--outputs", str(tmp_path / "out.npz"), "--quiet", *options]) == 0
    with np.load(tmp_path / "out.npz") as found:
        return {name: found[name] for name in found.files}


@pytest.mark.parametrize("dtype", ["f4", "f2", "f8", "i8"])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".bin"])
def test_one_input_comes_from_any_file(net, tmp_path, suffix, dtype):
    values = (8 * IMAGES).round().astype(dtype)
    path = tmp_path / f"in{suffix}"
    if suffix == ".bin":
        path.write_bytes(values.tobytes())
    else:
        {".npy": np.save, ".npz": np.savez}[suffix](path, **{"arr" if suffix == ".npy" else "data": values})
    kind = f":{dtype[0]}{8 * int(dtype[1])}" if suffix == ".bin" else ""
    outputs = run(net, tmp_path, "--input", f"{path}{kind}")
    np.testing.assert_allclose(outputs["pool"].reshape(5, 3), values.mean((2, 3), np.float64), atol=1e-5)


@pytest.mark.parametrize("options", [("--batch", "2"), ("--images", "3"), ("--batch", "2", "--profile")])
def test_outputs_are_those_of_all_images_in_order(net, tmp_path, options):
    np.save(tmp_path / "in.npy", IMAGES)
    outputs = run(net, tmp_path, "--input", f"{tmp_path / 'in.npy'}", *options)
    count = 3 if "--images" in options else 5
    np.testing.assert_allclose(outputs["pool"].reshape(count, 3), IMAGES[:count].mean((2, 3)), atol=1e-5)


def test_several_inputs_come_from_one_file_or_several(tmp_path):
    net = two_inputs()
    options = saved(tmp_path, net)
    shapes = {name: blob.shape for name, blob in net.inputs.items()}
    feed = {name: np.ones((4, *shape[1:]), np.float32) for name, shape in shapes.items()}
    np.savez(tmp_path / "in.npz", **feed)
    for name, values in feed.items():
        (tmp_path / f"{name}.bin").write_bytes(values.tobytes())
    together = run(options, tmp_path, "--input", str(tmp_path / "in.npz"))
    each = [word for name in feed for word in ("--input", f"{name}={tmp_path / name}.bin")]
    apart = run(options, tmp_path, *each, "--batch", "3")
    assert together.keys() == apart.keys() == set(net.outputs)
    for name in net.outputs:
        np.testing.assert_array_equal(together[name], apart[name])
    weighted = frontend.load(Path(options[0]), Path(options[2]))
    expected = weighted.with_images(4).forward(feed)
    np.testing.assert_allclose(together[net.outputs[0]], expected[net.outputs[0]], atol=1e-5)


def test_outputs_of_images_are_written_too(net, tmp_path):
    outputs = run(net, tmp_path, "--data", "random", "--images", "7", "--seconds", "0.01", "--batch", "2")
    assert outputs["pool"].shape[:2] == (7, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input", "in.npy", "--data", "random"], "--data: arrays have no labels"),
        (["--input", "other=in.npy"], "--input: the net has no input 'other'. Its inputs: data"),
        (["--input", "none.npy"], "none.npy"),
        (["--input", "two.npz"], "--input: inputs ['a', 'b'] are given. The net takes data: float32"),
    ],
)
def test_what_does_not_fit_is_one_message(net, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    np.save("in.npy", IMAGES)
    np.savez("two.npz", a=IMAGES, b=IMAGES)
    assert main([*net, *options]) == 1
    assert message in capsys.readouterr().err


def test_calls_that_cannot_be_joined_say_how_to_make_one(tmp_path, capsys, monkeypatch):
    net = saved(tmp_path, detector())
    results = iter([np.zeros((1, 1, 2, 7)), np.zeros((1, 1, 2, 6))] * 9)
    monkeypatch.setattr("xdn.session.Session.run", lambda *_: [next(results)])
    call = [*net, "--data", "random", "--images", "2", "--repeat", "1", "--outputs", str(tmp_path / "o.npz")]
    assert main([*call, "--batch", "1"]) == 1
    assert "--outputs: calls gave arrays that are not parts of one" in capsys.readouterr().err


def parsed(text):
    """Return what --input makes of a text."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_array_options(parser)
    return parser.parse_args(["--input", text])


@pytest.mark.parametrize("text", ["", "=x.npy", "x=", "x.npy:i64"])
def test_what_names_no_file_or_says_a_type_twice_is_refused(text):
    with pytest.raises(argparse.ArgumentError):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("x.bin", ("", "x.bin", "f32")),
        ("a=x.bin:i64", ("a", "x.bin", "i64")),
        ("a=b=x.npy", ("a=b", "x.npy", "f32")),
        (r"C:\x.bin", ("", r"C:\x.bin", "f32")),
    ],
)
def test_names_of_files(text, given):
    (found,) = parsed(text).input
    assert (found.name, str(found.path), found.kind) == given
    assert isinstance(found, Given)
