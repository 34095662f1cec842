"""Which configuration a run gets by its options."""

import argparse
from dataclasses import replace

import pytest

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api
from xdn.cli.common import Output
from xdn.cli.run_data import RunData
from xdn.cli.tune_options import add_tune_options, configured
from xdn.data.packed import PackedData, pack
from xdn.errors import SettingError
from xdn.evaluate.scores import Scores
from xdn.runtime.configuration import Configuration, load_configuration, save_configuration
from xdn.session import Session


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    """Nothing is stored where no other test has tuned."""
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "cache"))


def parsed(*options):
    """Return the options, and the others of `xdn-run` that are looked at, as they are by default."""
    parser = argparse.ArgumentParser()
    add_tune_options(parser)
    others = dict.fromkeys(("schedule", "batch", "weights_as", "precision")) | {"online": False, "profile": False}
    return argparse.Namespace(**vars(parser.parse_args(options)) | others, winograd=True, fusion=True)


@pytest.fixture
def session():
    """Return a session by the rules, which has compiled nothing."""
    return Session(brightest_channel(), threads=1)


@pytest.fixture
def data(tmp_path):
    """Return packed images, and what is known of them."""
    pack(Stripes(), tmp_path / "stripes.packed")
    images = PackedData.open(tmp_path / "stripes.packed")
    transform = api.pixel_transform(brightest_channel(), images.shape)
    return images, RunData("stripes", images, transform, Scores("pool", 3), "")


@pytest.mark.parametrize("options", [[], ["--no-stored"]])
def test_where_nothing_is_stored_the_rules_decide(session, data, options):
    found, said = configured(parsed(*options), Output(quiet=True), session, *data)
    assert found is session
    assert said == {"configuration": session.configuration.document()}


def test_a_given_configuration_is_taken_and_saved_as_it_was(session, data, tmp_path):
    given, saved = tmp_path / "given.json", tmp_path / "saved.json"
    save_configuration(Configuration(threads=1, schedule="channel", chunk_blocks=3), given)
    found, said = configured(
        parsed("--config", str(given), "--save-config", str(saved)), Output(quiet=True), session, *data
    )
    assert found.configuration == load_configuration(given) == load_configuration(saved)
    assert said["configuration"] == found.configuration.document()


@pytest.mark.parametrize("two", [["--tune", "--no-stored"], ["--tune", "--config", "a.json"]])
def test_only_one_says_where_the_configuration_comes_from(two, capsys):
    with pytest.raises(SystemExit) as left:
        parsed(*two)
    assert left.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_images_that_are_not_packed_are_not_tuned_on(session, data):
    with pytest.raises(SettingError, match=r"--tune: only packed images.*--config"):
        configured(parsed("--tune"), Output(quiet=True), session, Stripes(), data[1])


def test_an_accuracy_is_not_asked_for_where_none_is_counted(session, data):
    images, known = data
    unknown = replace(known, scores=None, said="no output tells classes")
    with pytest.raises(SettingError, match="--min-accuracy: there is no accuracy: no output tells classes"):
        configured(parsed("--tune", "--min-accuracy", "50"), Output(quiet=True), session, images, unknown)
