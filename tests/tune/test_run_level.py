"""The run level in earnest: a small net is searched, the result kept, a search that was cut off goes on."""

import pytest

from tests.evaluate.building import Stripes, brightest_channel
from tests.kernels.checks import B
from xdn import api
from xdn.data.packed import PackedData, pack
from xdn.evaluate.objective import ContestTime, LimitedThroughput, MedianLatency
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session
from xdn.tune.run_level import RunLevel
from xdn.tune.store import Store
from xdn.tune.tuner import Budget, Search

BASE = Configuration(threads=2)


@pytest.fixture
def files(tmp_path):
    """Return (packed file, transform)."""
    pack(Stripes(4 * B), tmp_path / "stripes.packed")
    data = PackedData.open(tmp_path / "stripes.packed")
    return tmp_path / "stripes.packed", api.pixel_transform(brightest_channel(), data.shape, "rgb")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "tuning.sqlite")


def level_of(objective, store, base=BASE, **options):
    options = {"budget": Budget(trials=6)} | options

    def make(configuration):
        return Session(brightest_channel(), configuration=configuration)

    return RunLevel(make, objective, base, Search(**options), store)


def test_the_result_is_kept_under_the_key(files, store):
    told = []
    level = level_of(ContestTime(*files), store)
    outcome = level.run(told.append)
    assert len(told) == len(outcome.trials) == 6
    assert all(trial.score < float("inf") for trial in told)
    result = store.get(level.key)
    assert result.configuration == outcome.setup[0]
    assert result.factor == outcome.factor
    assert len(outcome.costs) == len(outcome.default_costs) >= 3


def test_the_default_lies_in_the_space(files, store):
    for objective in (ContestTime(*files), MedianLatency(*files)):
        for threads in (1, 2, 4):
            level = level_of(objective, store, Configuration(threads=threads))
            assert level.space.point(level.default) in level.space
            assert level.default["threads"] == threads
    assert (level.default["schedule"], level.default["members"]) == ("channel", 4)


def test_single_images_stay_fast_in_what_is_tuned_for_many(files, store):
    level = level_of(ContestTime(*files), store)
    configuration, call = level.setup(level.default)
    assert (configuration.schedule, configuration.members, call) == (None, None, None)
    other = level.default | {"schedule": "batch" if level.default["schedule"] == "channel" else "channel", "chunk": B}
    assert level.setup(other)[0].schedule == other["schedule"]
    level = level_of(MedianLatency(*files), store)
    configuration, call = level.setup(level.default | {"members": 1})
    assert (configuration.schedule, configuration.members, call) == ("channel", 1, 1)


def test_a_search_that_was_cut_off_goes_on(files, store):
    class CutOffError(Exception):
        pass

    told = []

    def until_four(trial):
        told.append(trial)
        if len(told) == 4:
            raise CutOffError

    with pytest.raises(CutOffError):
        level_of(ContestTime(*files), store, strategy="random").run(until_four)
    assert store.all() == {}
    further = []
    outcome = level_of(ContestTime(*files), store, strategy="random").run(further.append)
    assert len(further) == 2
    assert [t.values for t in outcome.trials] == [t.values for t in (*told, *further)]
    # The record is dropped with the result.
    again = []
    level_of(ContestTime(*files), store, strategy="random").run(again.append)
    assert len(again) == 6


def test_another_search_does_not_take_the_trials(files, store):
    names = {
        level_of(ContestTime(*files, images), store, strategy=strategy, seed=seed).study
        for images in (None, 10)
        for strategy in ("random", "grid")
        for seed in (0, 1)
    }
    assert len(names) == 8


def test_the_images_of_a_call_are_chosen_under_a_limit(files, store):
    objective = LimitedThroughput(*files)
    objective.limit_ms = 1e6
    level = level_of(objective, store, strategy="random", choose_call=True, budget=Budget(trials=10))
    outcome = level.run()
    assert len({trial.values["call"] for trial in outcome.trials}) > 1
    assert outcome.setup[1] == outcome.values.get("call", 1)
