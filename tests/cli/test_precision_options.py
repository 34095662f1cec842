"""`xdn-run --precision int8` and `auto`: by which images, what is printed, kept for later runs, and refused."""

import json

import pytest

from tests.evaluate.building import Stripes, weighed_channels
from tests.optimize.building import data, layer, net_of
from xdn import frontend, settings
from xdn.cli.run import main
from xdn.data.packed import pack
from xdn.graph import Net

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(autouse=True)
def few_images(monkeypatch, tmp_path):
    """Leave images of the small set for errors, and find no other data."""
    monkeypatch.setattr(settings, "CALIBRATION_IMAGES", 20)
    monkeypatch.setenv("XDN_DATA", str(tmp_path / "nothing"))


@pytest.fixture
def run(tmp_path):
    """Return a function: options -> exit code and JSON of a run of the small net, or of another, on striped images."""
    pack(Stripes(), tmp_path / "stripes.packed")

    def called(*options: str, net: Net | None = None, images: str | None = None):
        frontend.save(net or weighed_channels(), tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
        target = tmp_path / "run.json"
        target.unlink(missing_ok=True)
        chosen = ["--data", images or str(tmp_path / "stripes.packed"), "--threads", "1", "--json", str(target)]
        code = main([str(tmp_path / "net.prototxt"), *chosen, *options])
        return code, json.loads(target.read_text()) if target.exists() else None

    return called


def test_a_net_is_calibrated_and_run_in_8_bit_integers(run, capsys):
    code, document = run("--precision", "int8")
    told = capsys.readouterr()
    assert code == 0
    assert "images to choose by: Stripes, test" in told.err
    assert "calibrated (mse, 20 images): 3 of 3 layers read 8-bit integers" in told.err
    assert document["contest"]["accuracy"]["correct"] == 70
    assert set(document["calibration"]["layers"]) == {"first", "second", "pool"}
    assert document["precision"] == "int8"
    assert "precisions" not in document


def test_the_fastest_precision_is_run_and_the_others_are_listed(run, capsys):
    code, document = run("--precision", "auto", "--max-drop", "2", "--batch", "30")
    told = capsys.readouterr()
    assert code == 0
    found = document["precisions"]
    assert [each["name"] for each in found["candidates"]] == ["f32", "bf16x3", "bf16", "int8", "mixed"]
    assert (found["max_drop"], found["images"], found["labelled"], found["batch"]) == (2.0, 50, True, 30)
    assert f"{found['taken']}: the fastest that loses at most 2 points of the correct labels" in told.out
    assert document["precision"] == found["taken"]
    assert ("calibration" in document) == (found["taken"] in ("int8", "mixed"))
    assert document["contest"]["accuracy"]["correct"] == 70


def test_random_pixels_have_equal_labels(run):
    code, document = run("--precision", "auto", images="random")
    assert code == 0
    assert (document["precisions"]["images"], document["precisions"]["labelled"]) == (settings.RANDOM_IMAGES, False)


def test_what_is_tuned_in_a_precision_is_found_for_it_alone(run, capsys):
    tuning = ("--tune", "--trials", "1", "--budget", "2", "--tune-images", "10")
    assert run("--precision", "int8", *tuning)[0] == 0
    assert "stored" in run("--precision", "int8")[1]
    assert "stored" not in run()[1]
    assert "stored" not in run("--precision", "fma")[1]
    assert run("--precision", "fma", *tuning)[0] == 0
    assert run("--precision", "fma")[1]["stored"]["configuration"]["precision"] == "fma"
    assert "stored" not in run()[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--precision", "f32", "--max-drop", "1"],
            "nothing is chosen by how much accuracy drops. Say the precision auto",
        ),
        (["--precision", "int8", "--no-fusion"], "--no-fusion: int8 is for nets that are fused"),
        (["--precision", "auto", "--no-fusion"], "--no-fusion: auto is for nets that are fused"),
        (["--precision", "mixed", "--no-fusion"], "--no-fusion: mixed is for nets that are fused"),
    ],
)
def test_what_does_not_fit_is_one_message(run, capsys, options, said):
    assert run(*options)[0] == 1
    assert said in capsys.readouterr().err


def test_a_net_of_features_has_no_random_pixels(run, capsys):
    net = net_of(data(1, 7), layer("InnerProduct", "fc", ["data"], num_output=3))
    assert run("--precision", "int8", net=net, images="random")[0] == 1
    assert "random pixels are for a net that reads images" in capsys.readouterr().err


def test_points_are_a_number(run, capsys):
    with pytest.raises(SystemExit):
        run("--precision", "auto", "--max-drop", "-1")
    assert "is not a number from 0 to 100" in capsys.readouterr().err
