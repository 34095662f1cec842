"""The journal: a search that is cut off loses no trial, and one whose store cannot be written goes on."""

from math import inf

import pytest

from tests.conftest import folder_without_rights
from tests.tune.test_store import key_of, result
from xdn.tune.journal import Journal
from xdn.tune.meter import Score
from xdn.tune.store import Store
from xdn.tune.trial import Trial

TRIALS = [({"a": 1, "b": "x"}, 1 / 3, Score(0.5)), ({"a": 2, "b": "y"}, 1.0, Score(inf, "no memory"))]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache" / "tuning.sqlite")


def test_a_search_goes_on_where_it_was_cut_off(store):
    journal = Journal(store, "study")
    for trial in TRIALS:
        journal.add(*trial)
    told = []
    again = Journal(store, "study", told.append)
    assert [again.known(values, share) for values, share, _ in TRIALS] == [score for _, _, score in TRIALS]
    assert again.known({"a": 1, "b": "x"}, 1.0) is None
    again.add(*TRIALS[0])
    again.add({"a": 3, "b": "x"}, 1.0, Score(0.7))
    assert [trial.values["a"] for trial in again.trials] == [1, 3]
    assert [trial.values["a"] for trial in told] == [3]
    assert [trial.values["a"] for trial in store.trials("study")] == [1, 2, 3]
    assert store.trials("another") == []
    again.end(key_of(), result())
    assert store.trials("study") == []
    assert store.get(key_of()).factor == 1.5


def test_values_of_any_kind_may_be_on_record(store):
    """A store may come from anywhere: what it holds need not be a point of the space."""
    store.add_trial("study", 0, Trial({"a": [1, {}]}, 1.0, 0.5))
    journal = Journal(store, "study")
    assert journal.known({"a": 1}, 1.0) is None
    assert journal.known({"a": [1, {}]}, 1.0) == Score(0.5)


def test_a_search_goes_on_where_nothing_can_be_written(caplog):
    with folder_without_rights() as folder:
        journal = Journal(Store(folder / "cache" / "s"), "study")
        for trial in TRIALS:
            journal.add(*trial)
        journal.end(key_of(), result())
    assert len(caplog.records) == 1
    assert "--save-config" in caplog.text


def test_a_result_is_kept_where_the_disk_has_room_again(tmp_path, caplog):
    (tmp_path / "cache").write_text("in the folder's place")
    store = Store(tmp_path / "cache" / "s")
    journal = Journal(store, "study")
    journal.add(*TRIALS[0])
    (tmp_path / "cache").unlink()
    journal.end(key_of(), result())
    assert store.get(key_of()).factor == 1.5
    assert len(caplog.records) == 1
