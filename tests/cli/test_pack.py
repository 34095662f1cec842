import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.data.samples import write_cifar_binary, write_image_folder
from xdn.cli.pack import main
from xdn.data.packed import PackedData


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Keep the user's own data and cache out of the tests."""
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDN_DATA", str(tmp_path / "data"))


def test_cifar10_is_the_default_where_it_is_found(tmp_path, rng, capsys):
    contents = write_cifar_binary(tmp_path / "data", rng)
    assert main(["--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    data = PackedData.open(tmp_path / "cache" / "packed" / "cifar10-test-32x32-rgb-u8.packed")
    assert document["file"] == str(data.path)
    assert (document["dataset"], document["title"], document["split"]) == ("cifar10", "CIFAR-10", "test")
    assert (document["shape"], document["channel_order"]) == ([5, 32, 32, 3], "rgb")
    np.testing.assert_array_equal(data.pixels, contents["test_batch"][0].transpose(0, 2, 3, 1))


def test_the_output_names_the_data(tmp_path, rng, capsys):
    write_cifar_binary(tmp_path / "elsewhere", rng)
    out = tmp_path / "train.packed"
    assert main(["cifar10", "-o", str(out), "--split", "train", "--data", str(tmp_path / "elsewhere")]) == 0
    printed = capsys.readouterr().out
    assert f"{out}: CIFAR-10, train: 25 images 32x32x3 u8 R,G,B, 10 classes" in printed


def test_a_folder_with_all_options(tmp_path, rng, capsys):
    write_image_folder(tmp_path / "photos", rng, [(9, 9), (4, 6)])
    out = tmp_path / "photos.packed"
    options = ["--size", "6x8", "--channel-order", "rgb", "--dtype", "f32"]
    assert main([str(tmp_path / "photos"), "-o", str(out), *options]) == 0
    assert "photos (4 image files), test: 4 images 6x8x3 f32 R,G,B, 2 classes" in capsys.readouterr().out
    assert main([str(tmp_path / "photos"), "-o", str(tmp_path / "bgr"), "--size", "6x8"]) == 0
    turned, plain = PackedData.open(out), PackedData.open(tmp_path / "bgr")
    np.testing.assert_array_equal(turned.pixels, plain.pixels[..., ::-1])


def test_any_data_set_is_resized_where_it_is_packed(tmp_path, rng, capsys):
    write_cifar_binary(tmp_path / "data", rng)
    assert main(["cifar10", "--size", "28x28", "-o", str(tmp_path / "small.packed")]) == 0
    assert "5 images 28x28x3 u8 R,G,B" in capsys.readouterr().out
    assert PackedData.open(tmp_path / "small.packed").header.preprocessing["resize"] == "28x28 bilinear"


def test_data_alone_says_what_is_packed(tmp_path, rng, capsys):
    write_cifar_binary(tmp_path / "elsewhere", rng)
    assert main(["--data", str(tmp_path / "elsewhere"), "-o", str(tmp_path / "a.packed")]) == 0
    assert "CIFAR-10, test" in capsys.readouterr().out
    assert main([str(tmp_path / "a.packed"), "-o", str(tmp_path / "b.packed")]) == 1
    assert "a.packed: this is packed data already. Name what it was packed from" in capsys.readouterr().err


def test_a_list(tmp_path, rng, capsys):
    write_image_folder(tmp_path, rng, [(4, 4)])
    (tmp_path / "val.txt").write_text("alpha/0.png 1\nbeta/0.png 0\n")
    assert main([str(tmp_path / "val.txt"), "--json", str(tmp_path / "summary.json")]) == 0
    document = json.loads((tmp_path / "summary.json").read_text())
    assert PackedData.open(tmp_path / document["file"]).labels.tolist() == [1, 0]
    assert "val.txt (2 image files)" in capsys.readouterr().out


def test_quiet_is_silent(tmp_path, rng, capsys):
    write_image_folder(tmp_path / "photos", rng, [(4, 4)])
    out = tmp_path / "photos.packed"
    assert main([str(tmp_path / "photos"), "-o", str(out), "--quiet"]) == 0
    assert main(["--verify", str(out), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_verify_finds_damage(tmp_path, rng, capsys):
    write_image_folder(tmp_path / "photos", rng, [(4, 4)])
    out = tmp_path / "photos.packed"
    assert main([str(tmp_path / "photos"), "-o", str(out)]) == 0
    assert main(["--verify", str(out)]) == 0
    assert "photos (2 image files), test: 2 images 4x4x3" in capsys.readouterr().out
    content = bytearray(out.read_bytes())
    content[4096] ^= 1
    out.write_bytes(content)
    assert main(["--verify", str(out)]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"xdn-pack: error: {out}: the pixels are damaged in images 0..1")


def test_list_shows_every_kind(capsys):
    assert main(["--list"]) == 0
    printed = capsys.readouterr().out
    for name in ("cifar10", "glyphs10", "folder", "list"):
        assert name in printed
    assert main(["--list", "--json", "-"]) == 0
    assert "Glyphs-10 (synthetic)" in json.loads(capsys.readouterr().out)["datasets"]["glyphs10"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["cifar10"], "CIFAR-10 (test) is not here"),
        (["cifar11"], "'cifar11' is neither a data set nor a folder"),
        (["--verify", "gone.packed"], "gone.packed: no such file"),
    ],
)
def test_an_error_is_one_message(arguments, problem, capsys):
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("xdn-pack: error: ")
    assert problem in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["--size", "12"], ["--size", "0x4"], ["--size", "99999x99999"], ["--dtype", "f64"], ["a", "--list"]]
)
def test_wrong_usage_exits_with_2(arguments):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2


def test_a_failure_leaves_no_file(tmp_path, rng):
    write_image_folder(tmp_path / "photos", rng, [(4, 4), (5, 5)])
    assert main([str(tmp_path / "photos"), "-o", str(tmp_path / "out" / "x.packed")]) == 1
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system cannot kill")
def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path, rng):
    write_image_folder(tmp_path / "photos", rng, [(4, 4)])
    out = tmp_path / "out" / "glyphs.packed"
    program = "import sys; from xdn.cli.pack import main; sys.exit(main(sys.argv[1:]))"
    packing = subprocess.Popen([sys.executable, "-c", program, "glyphs10", "-o", str(out)], cwd=ROOT)
    while packing.poll() is None and not (out.parent.is_dir() and list(out.parent.iterdir())):
        time.sleep(0.01)
    packing.send_signal(signal.SIGKILL)
    packing.wait()
    left = list(out.parent.iterdir())
    assert left
    assert out not in left
    assert main([str(tmp_path / "photos"), "-o", str(out.with_name("photos.packed"))]) == 0
    assert [path.name for path in out.parent.iterdir()] == ["photos.packed"]
