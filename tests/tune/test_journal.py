"""The journal: a search that is cut off loses no trial, and one whose store cannot be written goes on."""

from math import inf

import pytest

from tests.conftest import folder_without_rights
from tests.tune.test_store import key_of, result
from xdn.tune.journal import Journal
from xdn.tune.store import Store
from xdn.tune.trial import Trial

TRIALS = [Trial({"a": 1, "b": "x"}, 1 / 3, 0.5), Trial({"a": 2, "b": "y"}, 1.0, inf, "no memory")]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache" / "tuning.sqlite")


def test_a_search_goes_on_where_it_was_cut_off(store):
    journal = Journal(store, "study")
    for trial in TRIALS:
        journal.add(trial)
    again = Journal(store, "study")
    assert again.before == TRIALS
    again.add(TRIALS[0])
    assert len(Journal(store, "study").before) == 3
    assert Journal(store, "another").before == []
    again.end(key_of(), result())
    assert Journal(store, "study").before == []
    assert store.get(key_of()).factor == 1.5


def test_a_search_goes_on_where_nothing_can_be_written(caplog):
    with folder_without_rights() as folder:
        journal = Journal(Store(folder / "cache" / "s"), "study")
        for trial in TRIALS:
            journal.add(trial)
        journal.end(key_of(), result())
    assert len(caplog.records) == 1
    assert "--save-config" in caplog.text


def test_a_result_is_kept_where_the_disk_has_room_again(tmp_path, caplog):
    (tmp_path / "cache").write_text("in the folder's place")
    store = Store(tmp_path / "cache" / "s")
    journal = Journal(store, "study")
    journal.add(TRIALS[0])
    (tmp_path / "cache").unlink()
    journal.end(key_of(), result())
    assert store.get(key_of()).factor == 1.5
    assert len(caplog.records) == 1
