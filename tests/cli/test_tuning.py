"""The search that `xdn-run --tune` makes: what it prints, stores and returns, level by level."""

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evaluate.building import Stripes, weighed_channels
from xdn import api
from xdn.cli import tuning
from xdn.cli.common import Output
from xdn.cli.tuning import ALL, OPERATORS, RUN, tuned
from xdn.data.packed import pack
from xdn.errors import SettingError, UnknownNameError
from xdn.evaluate.objective import ContestTime
from xdn.session import Session
from xdn.tune.store import Key, Result, Store

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def searched(tmp_path):
    """Return a function that searches with options, and gives the session, the configuration and the JSON."""
    pack(Stripes(40), tmp_path / "stripes.packed")
    net = weighed_channels()
    session = Session(net, threads=1)
    objective = ContestTime(tmp_path / "stripes.packed", api.pixel_transform(net, Stripes.shape))

    def search(**options):
        usual = {"tune_level": RUN, "strategy": "random", "budget": 60.0, "trials": 2, "tune_seed": 0}
        none = dict.fromkeys(("tune_plot", "max_latency_ms", "min_accuracy", "ray"))
        args = argparse.Namespace(**none | usual | options)
        return session, *tuned(args, Output(), session, objective)

    return search


def test_a_search_is_told_stored_and_returned(searched, capsys):
    session, configuration, told = searched()
    assert list(told) == ["tuning"]
    found = told["tuning"]
    assert (found["strategy"], found["objective"], len(found["trials"])) == ("random", "contest", 2)
    assert found["factor"] == found["paired"]["default"] / found["paired"]["tuned"]
    stored = Store().get(Key.of(session.net, "contest", session.threads))
    assert stored.configuration == configuration
    assert stored.factor == found["factor"]
    shown = capsys.readouterr().out
    assert shown.index("combinations are legal") < shown.index("2 trials") < shown.index("it brings")


def test_all_levels_are_drawn_into_a_file_each(searched, tmp_path):
    _, configuration, told = searched(tune_level=ALL, tune_plot=tmp_path / "plot.svg")
    assert list(told) == ["tuning", "operators"]
    assert {trial["values"]["layer"] for trial in told["operators"]["trials"]} == {"first"}
    assert configuration.threads == 1
    for name in ("plot.svg", "plot-operators.svg"):
        assert (tmp_path / name).read_text().startswith("<?xml")


def test_operators_alone_start_from_what_is_stored(searched, monkeypatch):
    """What is stored is what the first session is made of; what wins, chance decides."""
    session, *_ = searched()
    key = Key.of(session.net, ContestTime.name, session.threads)
    Store().put(key, Result(key.facts, replace(session.configuration, chunk_blocks=1), None, 1.5, 1.0))
    made = []
    monkeypatch.setattr(tuning, "Session", lambda *args, **told: made.append(told) or Session(*args, **told))
    _, _, told = searched(tune_level=OPERATORS, trials=1)
    assert list(told) == ["operators"]
    assert made[0]["configuration"].chunk_blocks == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"strategy": "luck"}, UnknownNameError, "unknown search strategy 'luck'"),
        ({"tune_plot": Path("plot.pdf")}, SettingError, "is not a kind of drawing"),
    ],
    ids=["strategy", "plot"],
)
def test_what_cannot_be_done_is_refused_before_anything_is_measured(searched, capsys, options, error, message):
    with pytest.raises(error, match=message):
        searched(**options)
    assert capsys.readouterr().out == ""
