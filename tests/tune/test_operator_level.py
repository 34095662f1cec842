"""The operator level in earnest on a small net, and on layers whose times are set."""

import re

import pytest

from tests.evaluate.building import Stripes, weighed_channels
from xdn import api
from xdn.data.packed import PackedData, pack
from xdn.errors import SettingError
from xdn.evaluate.objective import ContestTime, MedianLatency
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session
from xdn.tune import operator_level
from xdn.tune.operator_level import OperatorLevel
from xdn.tune.store import Store
from xdn.tune.tuner import Budget, Search

RULES = Configuration(threads=2, schedule="batch")


@pytest.fixture
def files(tmp_path):
    """Return (packed file, transform)."""
    pack(Stripes(70), tmp_path / "stripes.packed")
    data = PackedData.open(tmp_path / "stripes.packed")
    return tmp_path / "stripes.packed", api.pixel_transform(weighed_channels(), data.shape, "rgb")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "tuning.sqlite")


def level_of(objective, store, base=RULES, make=None, **options):
    def made(configuration, profile=False):
        return Session(weighed_channels(), configuration=configuration, profile=profile)

    search = Search(**{"budget": Budget(trials=3), "strategy": "grid"} | options)
    setups = (base, objective.call_images), (RULES, objective.call_images)
    return OperatorLevel(make or made, objective, setups, search, store)


class _Fast:
    """Layers take half the time where `wanted` is chosen for them, and twice the time with any other choice."""

    def __init__(self, make, objective, base):
        self.asked = []

    def ratios(self, configuration, share, operators):
        chosen = configuration.choices[WANTED[0]]
        self.asked.append(chosen)
        return [0.5 if str(chosen[operator.name]) == WANTED[1] else 2.0 for operator in operators]

    def close(self):
        """Nothing to end."""


WANTED = ("batch", "direct 2x2")


def test_the_fastest_choice_of_each_operator_is_found(files, store, monkeypatch):
    monkeypatch.setattr(operator_level, "LayerMeter", _Fast)
    monkeypatch.setattr(operator_level, "win_again", lambda meter, setups, *_: (len(setups) - 1, [[2.0]] * 2 + [[1.0]]))
    for strategy in ("grid", "halving", "genetic", "policy-gradient"):
        level = level_of(ContestTime(*files), store, strategy=strategy, budget=Budget(trials=60))
        outcome = level.run()
        assert outcome.values == {"first": WANTED[1]}, strategy
        assert outcome.setup[0].choices["batch"].keys() == {"first", "second"}
        assert outcome.gains == {"first": 2.0}
        assert store.get(level.key).configuration == outcome.setup[0]


@pytest.mark.parametrize("kind", [ContestTime, MedianLatency])
def test_a_search_in_earnest(files, store, kind):
    told = []
    level = level_of(kind(*files), store)
    assert [operator.layers for operator in level.operators] == [("first", "second")]
    outcome = level.run(told.append)
    assert len(told) == len(outcome.trials) == 3
    assert {trial.values["layer"] for trial in told} == {"first"}
    assert all(re.fullmatch(r"direct \d+x\d+.*|blas", trial.values["choice"]) for trial in told)
    assert set(level.default) == {"first"}
    assert store.get(level.key).configuration == outcome.setup[0]


def test_a_search_that_was_cut_off_goes_on(files, store):
    class CutOffError(Exception):
        pass

    def until_two(trial):
        if len(told) == 1:
            raise CutOffError
        told.append(trial)

    told, further = [], []
    with pytest.raises(CutOffError):
        level_of(ContestTime(*files), store).run(until_two)
    outcome = level_of(ContestTime(*files), store).run(further.append)
    assert len(further) == 1
    assert len(outcome.trials) == 3
    assert store.all().keys() == {level_of(ContestTime(*files), store).key.digest}


def test_a_choice_that_fails_is_passed_over(files, store):
    def made(configuration, profile=False):
        chosen = configuration.choices.get("batch", {}).get("first")
        if chosen and profile and chosen.tile == (2, 2):
            raise SettingError("no such tile")
        return Session(weighed_channels(), configuration=configuration, profile=profile)

    outcome = level_of(ContestTime(*files), store, make=made, budget=Budget(trials=20)).run()
    (failed,) = [trial for trial in outcome.trials if trial.error]
    assert (failed.values["choice"], failed.score) == ("direct 2x2", float("inf"))
    assert "no such tile" in failed.error


def test_the_base_is_kept_where_nothing_is_faster(files, store, monkeypatch):
    monkeypatch.setattr(
        operator_level, "win_again", lambda meter, setups, *_: (1, [[2.0], [1.0], [1.5]][: len(setups)])
    )
    base = Configuration(threads=2, schedule="batch", chunk_blocks=1)
    outcome = level_of(ContestTime(*files), store, base).run()
    assert outcome.setup[0] == base
    assert (outcome.values, outcome.gains, outcome.factor) == ({}, {}, 2.0)


def test_the_least_accuracy_is_asked_of_the_net_itself(files, store):
    assert level_of(ContestTime(*files), store, min_accuracy=100.0).run().factor > 0
    with pytest.raises(SettingError, match=r"the net itself is right for 100\.00 %"):
        level_of(ContestTime(*files), store, min_accuracy=101.0).run()
