"""How many threads: affinity, quota and flags of this process."""

import pytest

from xdn import settings
from xdn.errors import SettingError
from xdn.runtime.cpu.threads import count as threads


@pytest.fixture(autouse=True)
def _no_flags(monkeypatch):
    monkeypatch.delenv("XDN_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads.warn_once.cache_clear()


@pytest.fixture
def eight_cpus(monkeypatch):
    """Let the machine have eight processors."""
    monkeypatch.setattr(threads, "available_cpus", lambda: 8)


@pytest.mark.parametrize(("text", "count"), [("3", 3), ("3,2", 3), (" 5 , 1", 5)])
def test_omp_num_threads(monkeypatch, eight_cpus, text, count):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert threads.default_threads() == count


def test_xdn_threads_comes_first(monkeypatch, eight_cpus):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("XDN_THREADS", "5")
    assert threads.default_threads() == 5
    monkeypatch.setenv("XDN_THREADS", "")
    assert threads.default_threads() == 3


@pytest.mark.parametrize("text", ["0", "-1", "many", "2.5"])
def test_a_flag_that_is_not_a_number_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    with pytest.raises(SettingError, match=f"OMP_NUM_THREADS='{text}'"):
        threads.default_threads()


@pytest.mark.parametrize("flag", ["XDN_THREADS", "OMP_NUM_THREADS"])
def test_the_environment_gets_no_more_threads_than_there_are_processors(monkeypatch, eight_cpus, caplog, flag):
    monkeypatch.setenv(flag, "99999")
    assert threads.default_threads() == 8
    assert threads.default_threads() == 8
    (record,) = caplog.records
    assert f"{flag} asks for 99999 threads; 8 processors are available" in record.getMessage()


def test_a_given_number_is_checked(eight_cpus, caplog):
    assert threads.checked_threads(4) == 4
    assert threads.checked_threads(None) == threads.default_threads()
    assert not caplog.records
    for count in (0, -1, settings.MAX_THREADS + 1, 99999):
        with pytest.raises(SettingError, match=f"{count} threads; 1 to {settings.MAX_THREADS} are possible"):
            threads.checked_threads(count)


def test_more_threads_than_processors_are_a_warning(eight_cpus, caplog):
    for _ in range(2):
        assert threads.checked_threads(9) == 9
    (record,) = caplog.records
    assert "9 threads are asked for; 8 processors are available" in record.getMessage()


def test_a_thread_that_the_system_does_not_start_is_named():
    with pytest.raises(SettingError, match="does not start 7 threads"), threads.starting_threads(7):
        raise RuntimeError("can't start new thread")
    with pytest.raises(RuntimeError, match="else"), threads.starting_threads(7):
        raise RuntimeError("something else")
