"""`xdn-run` in parts, as users call it."""

import json

import pytest

from tests.evaluate.building import Stripes, brightest_channel
from xdn import frontend
from xdn.cli.run import main
from xdn.data.packed import pack
from xdn.shards.part import part_files


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Return the command for a net that is always right, on 70 images in parts of 20."""
    frontend.save(brightest_channel(), tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    pack(Stripes(), tmp_path / "stripes.packed")
    monkeypatch.chdir(tmp_path)
    return ["net.prototxt", "--data", "stripes.packed", "--threads", "1", "--block", "20"]


def result(capsys):
    """Return the JSON on stdout."""
    return json.loads(capsys.readouterr().out)


def test_shards_are_merged(command, tmp_path, capsys):
    assert main([*command, "--shard", "1/2", "--json", "-"]) == 0
    first = result(capsys)
    assert (first["kind"], first["made"], first["present"], first["parts"]) == ("parts", 2, 2, 4)
    assert first["merged"] is None
    assert main(["--merge", "net.parts"]) == 1
    assert "images are missing: 40..69 of 70" in capsys.readouterr().err
    assert main([*command, "--shard", "2/2", "--json", "-"]) == 0
    last = result(capsys)
    assert (last["made"], last["present"]) == (2, 4)
    assert main(["--merge", "net.parts", "--json", "-", "--per-class"]) == 0
    merged = result(capsys)["merged"]
    assert merged == last["merged"]
    assert (merged["accuracy"]["correct"], merged["images"]) == (70, 70)
    assert main(["--merge", "net.parts", "--per-class"]) == 0
    out = capsys.readouterr().out
    assert "100.00 % (70 of 70 images)" in out
    assert "4 parts, 70 images, each once" in out
    assert "green" in out


def test_what_is_there_is_not_run_again(command, tmp_path, capsys):
    assert main([*command, "--shard", "1/1", "--parts", "kept"]) == 0
    made = [path.stat().st_mtime_ns for path in part_files(tmp_path / "kept")]
    assert len(made) == 4
    capsys.readouterr()
    assert main([*command, "--shard", "1/1", "--parts", "kept"]) == 0
    out, err = capsys.readouterr()
    assert "nothing to run" in out
    assert "4 of 4 are there" in err
    assert [path.stat().st_mtime_ns for path in part_files(tmp_path / "kept")] == made


def test_images_that_are_decoded_on_line_are_run_in_parts(command, tmp_path, capsys):
    for label, name in enumerate(("a", "b", "c")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            write_image(tmp_path / "photos" / name / f"{number}.png", label, number)
    call = ["net.prototxt", "--data", "photos", "--online", "--data-order", "rgb", "--threads", "1", "--block", "4"]
    assert main([*call, "--shard", "1/1", "--json", "-"]) == 0
    merged = result(capsys)["merged"]
    assert (merged["images"], merged["parts"], merged["accuracy"]["correct"]) == (9, 3, 9)


def write_image(path, label, number):
    """Write an image of 4x5 whose red, green or blue channel is bright."""
    import cv2
    import numpy as np

    pixels = np.full((4, 5, 3), 10 + number, np.uint8)
    pixels[..., 2 - label] = 200
    cv2.imwrite(str(path), pixels)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--shard", "0/2"], "there is no shard 0 of 2"),
        (["--shard", "3"], "a shard is I/N"),
        (["--shard", "1/2", "--profile"], "--profile is for a run as a whole"),
        (["--shard", "1/2", "--repeat", "2"], "--repeat is for a run as a whole"),
        (["--shard", "1/2", "--workers", "2"], "--workers is for --ray"),
        (["--shard", "1/2", "--table", "a.parquet"], "--table is for --merge and --ray"),
        (["--shard", "1/2", "--ray"], "not allowed with argument"),
        (["--merge", "parts"], "--merge reads what was run"),
    ],
)
def test_options_that_do_not_go_together(options, said, command, capsys):
    with pytest.raises(SystemExit) as raised:
        main([*command, *options])
    assert raised.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--profile"], "runs nothing: leave out --profile"),
        (["--threads", "2", "--no-winograd"], "leave out --threads, --no-winograd"),
        (["--parts", "net.parts"], "leave out --parts"),
    ],
)
def test_a_merge_takes_no_option_of_runs(options, said, capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--merge", "net.parts", *options])
    assert raised.value.code == 2
    assert said in capsys.readouterr().err


def test_random_images_are_run_as_a_whole(command, capsys):
    with pytest.raises(SystemExit):
        main(["net.prototxt", "--data", "random", "--shard", "1/2"])
    assert "--data random is for a run as a whole" in capsys.readouterr().err


def test_a_folder_of_another_run_is_refused(command, capsys):
    assert main([*command, "--shard", "1/1"]) == 0
    assert main([*command, "--shard", "1/1", "--images", "30"]) == 1
    assert "the folder has parts of another run, which differs in images, labels" in capsys.readouterr().err
