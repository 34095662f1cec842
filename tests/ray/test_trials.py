"""Trials of a study on a cluster's nodes."""

import pytest

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api
from xdn.data.packed import pack
from xdn.errors import SettingError
from xdn.evaluate.objective import ContestTime
from xdn.ray import ClusterMeter, trials
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session
from xdn.tune.meter import Meter
from xdn.tune.run_level import RunLevel
from xdn.tune.store import Store
from xdn.tune.tuner import Budget, Search


def make(configuration):
    """Return a session, unless its chunks have seven blocks; workers import this function."""
    if configuration.chunk_blocks == 7:
        raise SettingError("seven are not made")
    return Session(brightest_channel(), configuration=configuration)


@pytest.fixture
def level_of(tmp_path):
    """Return a function that makes a search of a few trials."""
    pack(Stripes(64), tmp_path / "stripes.packed")

    def level(meter):
        objective = ContestTime(tmp_path / "stripes.packed", api.pixel_transform(brightest_channel(), Stripes.shape))
        store = Store(tmp_path / f"{meter.__name__}.sqlite")
        return RunLevel(make, objective, Configuration(threads=1), Search("grid", Budget(trials=3)), store, meter)

    return level


class Watched(ClusterMeter):
    """Sees what the cluster has left for others while nodes measure."""

    left: list = []

    def full_s(self):
        self.left.append(self._ray.available_resources().get("CPU", 0))
        return super().full_s()


@pytest.mark.slow  # a cluster takes seconds to begin
def test_a_cluster_finds_what_one_machine_does_in_the_same_form(cluster, level_of):
    levels = [level_of(meter) for meter in (Watched, Meter)]
    ours, alone = (level.run() for level in levels)
    assert Watched.left == [0], "nodes that measure are left to nothing else"
    assert [(t.values, t.share, t.error) for t in ours.trials] == [(t.values, t.share, t.error) for t in alone.trials]
    assert all(0 < trial.score < float("inf") for trial in ours.trials)
    assert len(ours.costs) == len(ours.default_costs) >= 3
    stored = [level._store.get(level.key) for level in levels]
    assert [sorted(each.document()) for each in stored[:1]] == [sorted(each.document()) for each in stored[1:]]
    assert stored[0].configuration == ours.setup[0]


@pytest.mark.slow  # a cluster takes seconds to begin
def test_a_setup_that_fails_on_a_node_is_told(cluster, level_of):
    level = level_of(ClusterMeter)
    meter = ClusterMeter(make, level._objective, level.setup(None))
    found = list(meter.scores([(Configuration(threads=1, chunk_blocks=7), None), level.setup(None)], 1.0))
    assert (found[0].ratio, found[0].error) == (float("inf"), "SettingError: seven are not made")
    assert found[1].error == ""
    with pytest.raises(SettingError, match=r"^seven are not made$"):
        meter.percent_correct((Configuration(threads=1, chunk_blocks=7), None))
    assert meter.percent_correct(level.setup(None)) == 100.0
    meter.close()


@pytest.mark.slow  # a cluster takes seconds to begin
def test_nodes_of_another_kind_are_left_out(cluster, level_of, monkeypatch):
    monkeypatch.setattr(trials, "here", lambda: {"cpu": "another"})
    level = level_of(ClusterMeter)
    with pytest.raises(SettingError, match="none is free within 300 s and like this machine"):
        level.run()


def test_nodes_that_are_gone_have_no_processors():
    alive = {"Alive": True, "Resources": {"CPU": 4.0}}
    assert [trials._cpus(each) for each in (alive, alive | {"Alive": False}, alive | {"Resources": {}})] == [4, 0, 0]
